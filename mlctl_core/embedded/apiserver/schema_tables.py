"""What the kubernetes package's models do not say about built-in fields.

How lists and maps merge under server-side apply and strategic merge patch, which integers
are 64 bits wide and which values are quantities: observed in the OpenAPI documents of
Kubernetes 1.37. Fields are named `Model.jsonField`,
models without their version prefix. A list that is not named here is atomic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MERGED_BY: Final = {
    "devicePath": """
        Container.volumeDevices EphemeralContainer.volumeDevices
    """,
    "ip": """
        PodSpec.hostAliases PodStatus.podIPs
    """,
    "mountPath": """
        Container.volumeMounts ContainerStatus.volumeMounts EphemeralContainer.volumeMounts
    """,
    "name": """
        CSINodeSpec.drivers CSINodeStatus.storageHealth Container.env
        ContainerStatus.allocatedResourcesStatus EphemeralContainer.env
        JobSchedulingConfiguration.resourceClaims NodeAllocatableResourceClaimStatus.mapping
        NodeAllocatableResourceClaimStatus.overhead PodSpec.containers
        PodSpec.ephemeralContainers PodSpec.evictionResponders PodSpec.imagePullSecrets
        PodSpec.initContainers PodSpec.schedulingGates ServiceAccount.secrets
        ValidatingAdmissionPolicySpec.matchConditions ValidatingAdmissionPolicySpec.variables
    """,
    "resourceClaimName": """
        PodStatus.nodeAllocatableResourceClaimStatuses
    """,
    "rule": """
        JSONSchemaProps.x-kubernetes-validations
    """,
    "type": """
        ComponentStatus.conditions DaemonSetStatus.conditions DeploymentStatus.conditions
        NamespaceStatus.conditions NodeStatus.addresses NodeStatus.conditions
        PersistentVolumeClaimStatus.conditions PodDisruptionBudgetStatus.conditions
        PodStatus.conditions ReplicaSetStatus.conditions
        ReplicationControllerStatus.conditions ServiceCIDRStatus.conditions
        ServiceStatus.conditions StatefulSetStatus.conditions
    """,
    "uid": """
        ObjectMeta.ownerReferences
    """,
}
"""Lists of type map that server-side apply and strategic merge key alike, by that key."""

_SETS: Final = """
    CSIDriverSpec.volumeLifecycleModes ContainerRestartRuleOnExitCodes.values
    Endpoint.addresses NodeAllocatableResourceClaimStatus.containers
    NodePodPreemptionPolicy.disableResizePreemption
    PodFailurePolicyOnExitCodesRequirement.values UncountedTerminatedPods.failed
    UncountedTerminatedPods.succeeded ValidatingAdmissionPolicyBindingSpec.validationActions
    VolumeMount.bindMountOptions
"""

_ODD_FIELDS: Final[dict[str, Json]] = {
    "Container.ports": {
        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "containerPort",
        "x-kubernetes-patch-strategy": "merge",
    },
    "CustomResourceDefinitionStatus.conditions": {
        "x-kubernetes-list-map-keys": ["type"],
        "x-kubernetes-list-type": "map",
    },
    "DeploymentSpec.strategy": {"x-kubernetes-patch-strategy": "retainKeys"},
    "EphemeralContainer.ports": {
        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "containerPort",
        "x-kubernetes-patch-strategy": "merge",
    },
    "JobStatus.conditions": {
        "x-kubernetes-list-type": "atomic",
        "x-kubernetes-patch-merge-key": "type",
        "x-kubernetes-patch-strategy": "merge",
    },
    "NodeSpec.podCIDRs": {"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
    "ObjectMeta.finalizers": {
        "x-kubernetes-list-type": "set",
        "x-kubernetes-patch-strategy": "merge",
    },
    "PersistentVolumeClaimStatus.allocatedResourceStatuses": {"x-kubernetes-map-type": "granular"},
    "PersistentVolumeSpec.claimRef": {"x-kubernetes-map-type": "granular"},
    "PodDisruptionBudgetSpec.selector": {"x-kubernetes-patch-strategy": "replace"},
    "PodSpec.nodeSelector": {"x-kubernetes-map-type": "atomic"},
    "PodSpec.resourceClaims": {
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
    },
    "PodSpec.topologySpreadConstraints": {
        "x-kubernetes-list-map-keys": ["topologyKey", "whenUnsatisfiable"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "topologyKey",
        "x-kubernetes-patch-strategy": "merge",
    },
    "PodSpec.volumes": {
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
    },
    "PodStatus.hostIPs": {
        "x-kubernetes-list-type": "atomic",
        "x-kubernetes-patch-merge-key": "ip",
        "x-kubernetes-patch-strategy": "merge",
    },
    "PodStatus.resourceClaimStatuses": {
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
    },
    "PodStatus.volumeHealth": {
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
    },
    "PodVolumeHealth.healthConditions": {
        "x-kubernetes-list-map-keys": ["status", "reason"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "status",
        "x-kubernetes-patch-strategy": "merge",
    },
    "ReplicationControllerSpec.selector": {"x-kubernetes-map-type": "atomic"},
    "ResourceRequirements.claims": {
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
    },
    "ResourceStatus.resources": {
        "x-kubernetes-list-map-keys": ["resourceID"],
        "x-kubernetes-list-type": "map",
    },
    "ServiceSpec.ports": {
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "port",
        "x-kubernetes-patch-strategy": "merge",
    },
    "ServiceSpec.selector": {"x-kubernetes-map-type": "atomic"},
    "ValidatingAdmissionPolicyStatus.conditions": {
        "x-kubernetes-list-map-keys": ["type"],
        "x-kubernetes-list-type": "map",
    },
    "VolumeHealthStatus.healthConditions": {
        "x-kubernetes-list-map-keys": ["status", "reason"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "status",
        "x-kubernetes-patch-strategy": "merge",
    },
}
"""Fields whose apply and patch behaviour differ from each other or from their type's."""


def _field_extensions() -> dict[str, Json]:
    fields = dict(_ODD_FIELDS)
    for key, names in _MERGED_BY.items():
        for name in names.split():
            fields[name] = {
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": [key],
                "x-kubernetes-patch-merge-key": key,
                "x-kubernetes-patch-strategy": "merge",
            }
    for name in _SETS.split():
        fields[name] = {"x-kubernetes-list-type": "set"}
    return fields


FIELD_EXTENSIONS: Final = _field_extensions()

_ATOMIC_MODELS: Final = """
    ConfigMapKeySelector EndpointAddress EndpointPort EvictionResponder FileKeySelector
    LabelSelector LocalObjectReference MatchResources NamedRuleWithOperations NodeSelector
    NodeSelectorTerm ObjectFieldSelector ObjectReference OwnerReference ParamKind ParamRef
    ResourceFieldSelector RoleRef ScopeSelector SecretKeySelector SecretReference
    ServiceBackendPort Subject TopologySelectorTerm TypedLocalObjectReference Variable
"""

MODEL_EXTENSIONS: Final[dict[str, Json]] = {
    name: {"x-kubernetes-map-type": "atomic"} for name in _ATOMIC_MODELS.split()
}
"""Structs that server-side apply replaces as a whole."""

META_MODELS: Final = _names("""
    V1Condition V1DeleteOptions V1LabelSelector V1LabelSelectorRequirement V1ListMeta
    V1ManagedFieldsEntry V1ObjectMeta V1OwnerReference V1Preconditions V1Status
    V1StatusCause V1StatusDetails
""")
"""Models that belong to no API group."""

INT_OR_STRING: Final = _names("""
    HTTPGetAction.port NetworkPolicyPort.port PodDisruptionBudgetSpec.maxUnavailable
    PodDisruptionBudgetSpec.minAvailable RollingUpdateDaemonSet.maxSurge
    RollingUpdateDaemonSet.maxUnavailable RollingUpdateDeployment.maxSurge
    RollingUpdateDeployment.maxUnavailable RollingUpdateStatefulSetStrategy.maxUnavailable
    ServicePort.targetPort TCPSocketAction.port
""")

QUANTITIES: Final = _names("""
    CSIStorageCapacity.capacity CSIStorageCapacity.maximumVolumeSize
    ContainerStatus.allocatedResources EmptyDirVolumeSource.sizeLimit LimitRangeItem.default
    LimitRangeItem.defaultRequest LimitRangeItem.max LimitRangeItem.maxLimitRequestRatio
    LimitRangeItem.min NodeAllocatableMappedResources.quantity
    NodeAllocatableOverheadResources.perContainer NodeAllocatableOverheadResources.perPod
    NodeStatus.allocatable NodeStatus.capacity
    PersistentVolumeClaimStatus.allocatedResources PersistentVolumeClaimStatus.capacity
    PersistentVolumeSpec.capacity PodSpec.overhead PodStatus.allocatedResources
    ResourceFieldSelector.divisor ResourceQuotaSpec.hard ResourceQuotaStatus.hard
    ResourceQuotaStatus.used ResourceRequirements.limits ResourceRequirements.requests
    VolumeResourceRequirements.limits VolumeResourceRequirements.requests
""")
"""Quantities and maps of them: they may be written as numbers."""

INT64: Final = _names("""
    CSIDriverSpec.nodeAllocatableUpdatePeriodSeconds ClusterTrustBundleProjection.user
    Condition.observedGeneration ConfigMapVolumeSource.defaultUser ContainerImage.sizeBytes
    ControllerRevision.revision CronJobSpec.startingDeadlineSeconds
    CustomResourceDefinitionCondition.observedGeneration
    CustomResourceDefinitionStatus.observedGeneration DaemonSetStatus.observedGeneration
    DeleteOptions.gracePeriodSeconds DeploymentStatus.observedGeneration
    DownwardAPIVolumeFile.user DownwardAPIVolumeSource.defaultUser JSONSchemaProps.maxItems
    JSONSchemaProps.maxLength JSONSchemaProps.maxProperties JSONSchemaProps.minItems
    JSONSchemaProps.minLength JSONSchemaProps.minProperties JobSpec.activeDeadlineSeconds
    KeyToPath.user LinuxContainerUser.gid LinuxContainerUser.uid ListMeta.remainingItemCount
    NodeSwapStatus.capacity ObjectMeta.deletionGracePeriodSeconds ObjectMeta.generation
    PodCertificateProjection.user PodCondition.observedGeneration
    PodDisruptionBudgetStatus.observedGeneration PodSecurityContext.fsGroup
    PodSecurityContext.runAsGroup PodSecurityContext.runAsUser PodSpec.activeDeadlineSeconds
    PodSpec.terminationGracePeriodSeconds PodStatus.observedGeneration
    Probe.terminationGracePeriodSeconds ProjectedVolumeSource.defaultUser
    ReplicaSetStatus.observedGeneration ReplicationControllerStatus.observedGeneration
    SecretVolumeSource.defaultUser SecurityContext.runAsGroup SecurityContext.runAsUser
    ServiceAccountTokenProjection.expirationSeconds ServiceAccountTokenProjection.user
    SleepAction.seconds StatefulSetStatus.observedGeneration TokenRequest.expirationSeconds
    TokenRequestSpec.expirationSeconds Toleration.tolerationSeconds
    ValidatingAdmissionPolicyStatus.observedGeneration
""")

DEFAULTS: Final = {"ContainerPort.protocol": "TCP", "ServicePort.protocol": "TCP"}
"""Defaults that identify a list entry, so that apply must know them before defaulting."""

TYPES: Final = {"JSONSchemaProps.items": "V1JSONSchemaProps"}
"""Declared types that say more than the model does."""
