"""The words that enumerated fields of built-in kinds take.

As published in the OpenAPI documents of Kubernetes 1.37; fields are named as in
`schema_tables`.
"""

from __future__ import annotations

from typing import Final

_ENUMERATED: Final[dict[tuple[str, ...], str]] = {
    ("Localhost", "RuntimeDefault", "Unconfined"): "AppArmorProfile.type SeccompProfile.type",
    ("None", "ReadOnly", "ReadWrite"): "AzureDiskVolumeSource.cachingMode",
    ("Dedicated", "Managed", "Shared"): "AzureDiskVolumeSource.kind",
    ("Always", "IfNotPresent", "Never"): """
        Container.imagePullPolicy EphemeralContainer.imagePullPolicy
        ImageVolumeSource.pullPolicy
    """,
    ("FallbackToLogsOnError", "File"): """
        Container.terminationMessagePolicy EphemeralContainer.terminationMessagePolicy
    """,
    ("SCTP", "TCP", "UDP"): """
        ContainerPort.protocol EndpointPort.protocol IngressPortStatus.protocol
        NetworkPolicyPort.protocol PortStatus.protocol ServicePort.protocol
    """,
    ("Allow", "Forbid", "Replace"): "CronJobSpec.concurrencyPolicy",
    ("Equivalent", "Exact"): "MatchResources.matchPolicy",
    ("*", "Cluster", "Namespaced"): "NamedRuleWithOperations.scope",
    ("Fail", "Ignore"): "ValidatingAdmissionPolicySpec.failurePolicy",
    ("OnDelete", "RollingUpdate"): "DaemonSetUpdateStrategy.type",
    ("Recreate", "RollingUpdate"): "DeploymentStrategy.type",
    ("FQDN", "IPv4", "IPv6"): "EndpointSlice.addressType",
    ("Plaintext", "TLS"): "GRPCAction.mode",
    ("HTTP1", "HTTP2"): "HTTPGetAction.protocol",
    ("HTTP", "HTTPS"): "HTTPGetAction.scheme",
    ("Exact", "ImplementationSpecific", "Prefix"): "HTTPIngressPath.pathType",
    (
        "",
        "BlockDevice",
        "CharDevice",
        "Directory",
        "DirectoryOrCreate",
        "File",
        "FileOrCreate",
        "Socket",
    ): "HostPathVolumeSource.type",
    ("Indexed", "NonIndexed"): "JobSpec.completionMode",
    ("Failed", "TerminatingOrFailed"): "JobSpec.podReplacementPolicy",
    ("InProgress", "Infeasible", "Pending"): "ModifyVolumeStatus.status",
    ("Active", "Terminating"): "NamespaceStatus.phase",
    ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"): "NodeSelectorRequirement.operator",
    ("Pending", "Running", "Terminated"): "NodeStatus.phase",
    ("Block", "Filesystem"): """
        PersistentVolumeClaimSpec.volumeMode PersistentVolumeSpec.volumeMode
        StorageHealthCondition.volumeMode
    """,
    ("Bound", "Lost", "Pending"): "PersistentVolumeClaimStatus.phase",
    ("Delete", "Recycle", "Retain"): """
        PersistentVolumeSpec.persistentVolumeReclaimPolicy StorageClass.reclaimPolicy
    """,
    ("Available", "Bound", "Failed", "Pending", "Released"): "PersistentVolumeStatus.phase",
    ("AlwaysAllow", "IfHealthyBudget"): "PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy",
    ("In", "NotIn"): "PodFailurePolicyOnExitCodesRequirement.operator",
    ("Count", "FailIndex", "FailJob", "Ignore"): "PodFailurePolicyRule.action",
    ("Always", "OnRootMismatch"): "PodSecurityContext.fsGroupChangePolicy",
    ("Merge", "Strict"): "PodSecurityContext.supplementalGroupsPolicy",
    ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"): "PodSpec.dnsPolicy",
    ("Never", "PreemptLowerPriority"): "PodSpec.preemptionPolicy PriorityClass.preemptionPolicy",
    ("Always", "Never", "OnFailure"): "PodSpec.restartPolicy",
    ("Failed", "Pending", "Running", "Succeeded", "Unknown"): "PodStatus.phase",
    ("BestEffort", "Burstable", "Guaranteed"): "PodStatus.qosClass",
    ("DoesNotExist", "Exists", "In", "NotIn"): "ScopedResourceSelectorRequirement.operator",
    (
        "BestEffort",
        "CrossNamespacePodAffinity",
        "NotBestEffort",
        "NotTerminating",
        "PriorityClass",
        "Terminating",
        "VolumeAttributesClass",
    ): "ScopedResourceSelectorRequirement.scopeName",
    ("Default", "Unmasked"): "SecurityContext.procMount",
    ("Cluster", "Local"): "ServiceSpec.externalTrafficPolicy ServiceSpec.internalTrafficPolicy",
    ("PreferDualStack", "RequireDualStack", "SingleStack"): "ServiceSpec.ipFamilyPolicy",
    ("ClientIP", "None"): "ServiceSpec.sessionAffinity",
    ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"): "ServiceSpec.type",
    ("OrderedReady", "Parallel"): "StatefulSetSpec.podManagementPolicy",
    ("OnDelete", "Recreate", "RollingUpdate"): "StatefulSetUpdateStrategy.type",
    ("Immediate", "WaitForFirstConsumer"): "StorageClass.volumeBindingMode",
    ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"): """
        StorageHealthCondition.accessMode
    """,
    ("StorageDegraded", "StorageUnreachable"): "StorageHealthCondition.status",
    ("NoExecute", "NoSchedule", "PreferNoSchedule"): "Taint.effect Toleration.effect",
    ("Equal", "Exists", "Gt", "Lt"): "Toleration.operator",
    ("Honor", "Ignore"): """
        TopologySpreadConstraint.nodeAffinityPolicy
        TopologySpreadConstraint.nodeTaintsPolicy
    """,
    ("DoNotSchedule", "ScheduleAnyway"): "TopologySpreadConstraint.whenUnsatisfiable",
    (
        "FieldValueDuplicate",
        "FieldValueForbidden",
        "FieldValueInvalid",
        "FieldValueRequired",
    ): "ValidationRule.reason",
    ("DataLoss", "Degraded", "Inaccessible"): "VolumeHealthCondition.status",
    ("Bidirectional", "HostToContainer", "None"): "VolumeMount.mountPropagation",
}

ENUMS: Final = {field: values for values, fields in _ENUMERATED.items() for field in fields.split()}
