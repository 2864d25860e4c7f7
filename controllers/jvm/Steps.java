import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * What steps of a job do in images that have a Java runtime and neither Python nor a compiler.
 *
 * <pre>
 * jars TARGET WORK REPORT DEPENDENCY...            Maven coordinates and addresses of files
 * copy ADDRESS TARGET SHA256 REPORT                http and https
 * unpack ADDRESS TARGET SHA256 REPORT              zip, jar, tar, tar.gz, or any other file
 * checkout URL REF SUBDIRECTORY TARGET WORK CREDENTIALS REPORT     needs git
 * renew once|keep KEYTAB PRINCIPAL CACHE           needs kinit
 * </pre>
 *
 * The words are those of controllers/jobs/pod/programs, which say more. It keeps to Java 8, and to one
 * class, so that one file is all that has to reach the pod. Steps.class is made of it by
 * "javac --release 8 -g:none"; a test compares them.
 */
public final class Steps {
    /** Resolves Maven coordinates; one file without dependencies of its own. */
    private static final String IVY = "org/apache/ivy/ivy/2.6.0/ivy-2.6.0.jar";

    private static final String IVY_SHA256 = "7e14fe77306a8cc71197cb3f1681e9e673ccc04254a5ede7e848e2248491ec78";
    private static final String REPOSITORY = "https://repo1.maven.org/maven2";
    private static final int TRIES = 5;
    private static final long FIRST_RETRY_MILLIS = 1_000;
    private static final int TIMEOUT_MILLIS = 60_000;
    private static final int MAX_REDIRECTS = 10;
    private static final int BLOCK = 1 << 16;
    private static final int TAR_BLOCK = 512;
    private static final long RENEW_MILLIS = 1_800_000;
    private static final long RETRY_MILLIS = 30_000;
    private static final int FIRST_TICKET_TRIES = 4;
    private static final long FIRST_TICKET_RETRY_MILLIS = 5_000;

    private Steps() {}

    public static void main(String[] arguments) throws Exception {
        try {
            run(arguments[0], Arrays.asList(arguments).subList(1, arguments.length));
        } catch (IllegalStateException failure) {
            System.err.println(failure.getMessage());
            System.exit(1);
        }
    }

    private static void run(String mode, List<String> words) throws Exception {
        switch (mode) {
            case "jars":
                jars(Paths.get(words.get(0)), Paths.get(words.get(1)), words.subList(3, words.size()));
                report(words.get(2), "dependencies", "sha256:" + lock(Paths.get(words.get(0))));
                break;
            case "copy":
                report(words.get(3), "sha256", copy(words.get(0), Paths.get(words.get(1)), words.get(2)));
                break;
            case "unpack":
                report(words.get(3), "sha256", unpack(words.get(0), Paths.get(words.get(1)), words.get(2)));
                break;
            case "checkout":
                report(words.get(6), "commit", checkout(words));
                break;
            case "renew":
                renew(words.get(0), words.get(1), words.get(2), words.get(3));
                break;
            default:
                throw new IllegalStateException("unknown step " + mode);
        }
    }

    // Jars.

    private static void jars(Path target, Path work, List<String> dependencies) throws Exception {
        List<String> coordinates = new ArrayList<>();
        for (String dependency : dependencies) {
            if (dependency.contains("://")) {
                copy(dependency, target.resolve(lastName(dependency)), "");
            } else {
                coordinates.add(dependency);
            }
        }
        if (!coordinates.isEmpty()) {
            resolve(target, work, coordinates);
        }
    }

    private static void resolve(Path target, Path work, List<String> coordinates) throws Exception {
        String repository = System.getenv("MAVEN_REPOSITORY_URL");
        if (repository == null || repository.isEmpty()) {
            repository = REPOSITORY;
        }
        while (repository.endsWith("/")) {
            repository = repository.substring(0, repository.length() - 1);
        }
        Path own = Files.createTempDirectory(work, "ivy");
        Path ivy = own.resolve("ivy.jar");
        copy(repository + "/" + IVY, ivy, IVY_SHA256);
        Path settings = own.resolve("settings.xml");
        write(
                settings,
                "<ivysettings><settings defaultResolver=\"central\"/><resolvers>"
                        + "<ibiblio name=\"central\" m2compatible=\"true\" root=\""
                        + escaped(repository)
                        + "\"/></resolvers></ivysettings>");
        Path module = own.resolve("ivy.xml");
        write(module, module(coordinates));
        List<String> command = new ArrayList<>();
        command.add(Paths.get(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Arrays.asList("-jar", ivy.toString(), "-warn"));
        command.addAll(Arrays.asList("-settings", settings.toString()));
        command.addAll(Arrays.asList("-cache", own.resolve("cache").toString()));
        command.addAll(Arrays.asList("-ivy", module.toString(), "-confs", "default"));
        command.addAll(Arrays.asList("-types", "jar", "bundle", "maven-plugin"));
        String pattern = "[organisation]_[artifact]-[revision](-[classifier]).[ext]";
        command.addAll(Arrays.asList("-retrieve", target.resolve(pattern).toString()));
        int code = new ProcessBuilder(command).inheritIO().start().waitFor();
        delete(own.toFile());
        if (code != 0) {
            throw new IllegalStateException(
                    "A dependency, or what it depends on, is not in " + repository + ": see above.");
        }
    }

    private static String module(List<String> coordinates) {
        StringBuilder text = new StringBuilder();
        text.append("<ivy-module version=\"2.0\" xmlns:m=\"http://ant.apache.org/ivy/maven\">");
        text.append("<info organisation=\"job\" module=\"job\" revision=\"1\"/>");
        text.append("<configurations><conf name=\"default\"/></configurations><dependencies>");
        for (String coordinate : coordinates) {
            String[] parts = coordinate.split(":");
            text.append("<dependency org=\"").append(escaped(parts[0]));
            text.append("\" name=\"").append(escaped(parts[1]));
            text.append("\" rev=\"").append(escaped(parts[2]));
            text.append("\" conf=\"default->master,runtime\">");
            if (parts.length > 3) {
                text.append("<artifact name=\"").append(escaped(parts[1]));
                text.append("\" type=\"jar\" ext=\"jar\" m:classifier=\"");
                text.append(escaped(parts[3])).append("\"/>");
            }
            text.append("</dependency>");
        }
        return text.append("</dependencies></ivy-module>").toString();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
    }

    private static String lock(Path target) throws Exception {
        String[] names = target.toFile().list();
        Arrays.sort(names);
        StringBuilder lines = new StringBuilder();
        for (String name : names) {
            lines.append(name).append(' ').append(hash(target.resolve(name))).append('\n');
        }
        return hex(MessageDigest.getInstance("SHA-256").digest(bytes(lines.toString())));
    }

    // Files from the web.

    private static String copy(String address, Path target, String sha256) throws Exception {
        String scheme = address.substring(0, Math.max(0, address.indexOf(':')));
        if (!scheme.equals("http") && !scheme.equals("https")) {
            throw new IllegalStateException(
                    plain(address) + ": this framework's image has a Java runtime alone, which copies"
                            + " from http and https: set the dataset's mode to Reference.");
        }
        Files.createDirectories(target.getParent());
        Path partial = target.resolveSibling(target.getFileName() + ".part");
        download(address, partial);
        String found = hash(partial);
        if (!sha256.isEmpty() && !found.equals(sha256)) {
            Files.delete(partial);
            throw new IllegalStateException(
                    plain(address) + " has sha256 " + found + " and should have " + sha256 + ".");
        }
        Files.move(partial, target, StandardCopyOption.REPLACE_EXISTING);
        return found;
    }

    private static void download(String address, Path target) throws Exception {
        String problem = "";
        for (int attempt = 0; attempt < TRIES; attempt++) {
            if (attempt > 0) {
                Thread.sleep(FIRST_RETRY_MILLIS << (attempt - 1));
            }
            try {
                HttpURLConnection answer = opened(address);
                int status = answer.getResponseCode();
                if (status == 200) {
                    save(answer, address, target);
                    return;
                }
                problem = plain(address) + ": the server says " + status + " " + answer.getResponseMessage();
                if (status < 500 && status != 408 && status != 425 && status != 429) {
                    break;
                }
            } catch (IOException error) {
                problem = plain(address) + ": " + error;
            }
        }
        throw new IllegalStateException(problem + ".");
    }

    private static HttpURLConnection opened(String address) throws IOException {
        URL url = new URL(address);
        for (int redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
            HttpURLConnection answer = (HttpURLConnection) url.openConnection();
            answer.setConnectTimeout(TIMEOUT_MILLIS);
            answer.setReadTimeout(TIMEOUT_MILLIS);
            answer.setInstanceFollowRedirects(false);
            int status = answer.getResponseCode();
            String next = answer.getHeaderField("Location");
            if (status < 300 || status >= 400 || next == null) {
                return answer;
            }
            URL there = new URL(url, next);
            if (!there.getProtocol().equals("https") && !there.getProtocol().equals(url.getProtocol())) {
                throw new IOException("it leads from " + url.getProtocol() + " to " + there.getProtocol());
            }
            url = there;
        }
        throw new IOException("it leads from one address to another without end");
    }

    private static void save(HttpURLConnection answer, String address, Path target) throws IOException {
        long wanted = answer.getContentLengthLong();
        try (InputStream input = answer.getInputStream()) {
            long size = Files.copy(input, target, StandardCopyOption.REPLACE_EXISTING);
            if (wanted >= 0 && size != wanted) {
                throw new IOException("only " + size + " of " + wanted + " bytes came");
            }
        }
    }

    private static String plain(String address) {
        int query = address.indexOf('?');
        return query < 0 ? address : address.substring(0, query);
    }

    private static String lastName(String address) throws Exception {
        String path = plain(address);
        String name = URLDecoder.decode(path.substring(path.lastIndexOf('/') + 1).replace("+", "%2B"), "UTF-8");
        name = name.replaceAll("[^A-Za-z0-9._=+-]+", "_");
        return name.isEmpty() || name.startsWith(".") ? "file" + name : name;
    }

    // Archives.

    private static String unpack(String address, Path target, String sha256) throws Exception {
        Path fetched = target.resolve(".fetched");
        String name = lastName(address);
        Path archive = fetched.resolve(name);
        String found = copy(address, archive, sha256);
        byte[] head = new byte[2];
        try (DataInputStream input = new DataInputStream(Files.newInputStream(archive))) {
            input.readFully(head);
        } catch (EOFException tooShort) {
            head[0] = 0;
        }
        if (name.endsWith(".jar")) {
            Files.move(archive, target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        } else if (head[0] == 'P' && head[1] == 'K') {
            unzip(address, archive, target);
        } else if ((head[0] & 0xff) == 0x1f && (head[1] & 0xff) == 0x8b) {
            try (InputStream input = new GZIPInputStream(new BufferedInputStream(Files.newInputStream(archive)))) {
                untar(address, input, target);
            }
        } else if (name.endsWith(".tar")) {
            try (InputStream input = new BufferedInputStream(Files.newInputStream(archive))) {
                untar(address, input, target);
            }
        } else {
            Files.move(archive, target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        delete(fetched.toFile());
        return found;
    }

    private static void unzip(String address, Path archive, Path target) throws IOException {
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(archive))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Path path = inside(address, target, entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                } else {
                    Files.createDirectories(path.getParent());
                    Files.copy(zip, path, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    /** POSIX tar with GNU's and pax's long names; directories and files, and nothing else. */
    private static void untar(String address, InputStream tar, Path target) throws IOException {
        DataInputStream input = new DataInputStream(tar);
        byte[] header = new byte[TAR_BLOCK];
        String longName = null;
        while (true) {
            try {
                input.readFully(header);
            } catch (EOFException end) {
                return;
            }
            if (header[0] == 0) {
                return;
            }
            long size = Long.parseLong("0" + text(header, 124, 12).trim(), 8);
            char type = (char) header[156];
            String name = text(header, 0, 100);
            if (text(header, 257, 5).equals("ustar") && header[345] != 0 && header[262] == 0) {
                name = text(header, 345, 155) + "/" + name;
            }
            if (longName != null) {
                name = longName;
            }
            longName = null;
            if (type == 'L' || type == 'x') {
                String content = new String(taken(input, size), StandardCharsets.UTF_8);
                longName = type == 'L' ? content.replace("\0", "") : paxPath(content);
            } else if (type == '5') {
                Files.createDirectories(inside(address, target, name));
                skip(input, size);
            } else if (type == '0' || type == 0) {
                Path path = inside(address, target, name);
                Files.createDirectories(path.getParent());
                try (OutputStream output = Files.newOutputStream(path)) {
                    byte[] block = new byte[BLOCK];
                    for (long left = size; left > 0; ) {
                        int count = (int) Math.min(left, block.length);
                        input.readFully(block, 0, count);
                        output.write(block, 0, count);
                        left -= count;
                    }
                }
                skip(input, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
                continue;
            } else {
                skip(input, size);
            }
            skip(input, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
        }
    }

    private static String paxPath(String records) {
        for (String line : records.split("\n")) {
            int at = line.indexOf(" path=");
            if (at >= 0) {
                return line.substring(at + " path=".length());
            }
        }
        return null;
    }

    private static byte[] taken(DataInputStream input, long size) throws IOException {
        byte[] content = new byte[(int) Math.min(size, 1 << 20)];
        input.readFully(content);
        return content;
    }

    private static void skip(DataInputStream input, long size) throws IOException {
        byte[] block = new byte[TAR_BLOCK];
        for (long left = size; left > 0; left -= Math.min(left, TAR_BLOCK)) {
            input.readFully(block, 0, (int) Math.min(left, TAR_BLOCK));
        }
    }

    private static String text(byte[] header, int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return new String(header, from, end - from, StandardCharsets.UTF_8);
    }

    private static Path inside(String address, Path target, String name) {
        Path path = target.resolve(name).normalize();
        if (name.startsWith("/") || !path.startsWith(target.normalize())
                || Arrays.asList(name.replace('\\', '/').split("/")).contains("..")) {
            throw new IllegalStateException(plain(address) + " holds " + name + ", which leads out of it.");
        }
        return path;
    }

    // Git.

    private static String checkout(List<String> words) throws Exception {
        String url = words.get(0);
        String ref = words.get(1);
        Path target = Paths.get(words.get(3));
        Path scratch = Files.createTempDirectory(Paths.get(words.get(4)), "git");
        try {
            Path repository = Files.createDirectory(scratch.resolve("repository"));
            List<String> git = new ArrayList<>(Collections.singletonList("git"));
            String ssh = access(git, url, words.get(5), scratch);
            git.addAll(Arrays.asList("-C", repository.toString()));
            git(git, ssh, scratch, "init", "--quiet");
            String found = "FETCH_HEAD";
            String wanted = ref.isEmpty() ? "HEAD" : ref;
            if (tried(git, ssh, scratch, "fetch", "--quiet", "--depth", "1", "--", url, wanted) == null) {
                System.err.println("Not to be had by itself: fetching everything.");
                git(git, ssh, scratch, "fetch", "--quiet", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*");
                found = wanted;
                for (String candidate : new String[] {"refs/remotes/origin/" + wanted, "refs/tags/" + wanted}) {
                    if (!git(git, ssh, scratch, "for-each-ref", "--count=1", candidate).isEmpty()) {
                        found = candidate;
                    }
                }
                if (ref.isEmpty()) {
                    git(git, ssh, scratch, "fetch", "--quiet", "--", url, "HEAD");
                    found = "FETCH_HEAD";
                }
            }
            git(git, ssh, scratch, "checkout", "--quiet", "--force", "--detach", found + "^{commit}");
            String commit = git(git, ssh, scratch, "rev-parse", "HEAD");
            put(repository.toRealPath(), words.get(2), target);
            return commit;
        } finally {
            delete(scratch.toFile());
        }
    }

    private static void put(Path repository, String subdirectory, Path target) throws IOException {
        Path source = repository.resolve(subdirectory).normalize();
        if (!source.startsWith(repository) || !Files.isDirectory(source)
                || !source.toRealPath().startsWith(repository)) {
            throw new IllegalStateException(
                    "source.git.subdirectory: there is no such directory in the repository.");
        }
        delete(repository.resolve(".git").toFile());
        for (String name : source.toFile().list()) {
            move(source.resolve(name), target.resolve(name));
        }
    }

    /** Between volumes a directory cannot be renamed. */
    private static void move(Path from, Path to) throws IOException {
        if (Files.isDirectory(from) && !Files.isSymbolicLink(from)) {
            Files.createDirectories(to);
            for (String name : from.toFile().list()) {
                move(from.resolve(name), to.resolve(name));
            }
            Files.delete(from);
        } else {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static String access(List<String> git, String url, String credentials, Path scratch) throws Exception {
        if (credentials.isEmpty()) {
            return "ssh -oBatchMode=yes";
        }
        Path directory = Paths.get(credentials);
        if (Files.exists(directory.resolve("ssh-privatekey"))) {
            Path key = scratch.resolve("key");
            secret(key, read(directory, "ssh-privatekey") + "\n");
            Path hosts = directory.resolve("known_hosts");
            String check = Files.exists(hosts)
                    ? "-oStrictHostKeyChecking=yes -oUserKnownHostsFile=" + hosts
                    : "-oStrictHostKeyChecking=accept-new -oUserKnownHostsFile=" + scratch.resolve("known");
            return "ssh -oBatchMode=yes -oIdentitiesOnly=yes -i " + key + " " + check;
        }
        URI address = new URI(url);
        Path store = scratch.resolve("credentials");
        secret(
                store,
                address.getScheme() + "://" + encoded(read(directory, "username")) + ":"
                        + encoded(read(directory, "password")) + "@" + address.getRawAuthority().replaceAll(".*@", "")
                        + "\n");
        git.addAll(Arrays.asList("-c", "credential.helper=store --file=" + store));
        return "ssh -oBatchMode=yes";
    }

    private static String encoded(String text) throws Exception {
        return URLEncoder.encode(text, "UTF-8").replace("+", "%20");
    }

    private static String read(Path directory, String key) throws IOException {
        Path path = directory.resolve(key);
        if (!Files.exists(path)) {
            throw new IllegalStateException(
                    "source.git.secret: it is not there or has no key " + key + ": it needs username and password, "
                            + "or ssh-privatekey and known_hosts.");
        }
        return new String(Files.readAllBytes(path), StandardCharsets.UTF_8).trim();
    }

    private static void secret(Path path, String text) throws IOException {
        Files.createFile(
                path,
                java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
                        java.nio.file.attribute.PosixFilePermissions.fromString("rw-------")));
        write(path, text);
    }

    private static String git(List<String> git, String ssh, Path home, String... words) throws Exception {
        String answer = tried(git, ssh, home, words);
        if (answer == null) {
            throw new IllegalStateException("git " + words[0] + " failed: see above.");
        }
        return answer;
    }

    private static String tried(List<String> git, String ssh, Path home, String... words) throws Exception {
        List<String> command = new ArrayList<>(git);
        command.addAll(Arrays.asList(words));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        Map<String, String> environment = builder.environment();
        environment.put("HOME", home.toString());
        environment.put("GIT_ALLOW_PROTOCOL", "http:https:ssh");
        environment.put("GIT_CONFIG_NOSYSTEM", "1");
        environment.put("GIT_TERMINAL_PROMPT", "0");
        environment.put("GIT_SSH_COMMAND", ssh);
        Process process;
        try {
            process = builder.start();
        } catch (IOException missing) {
            throw new IllegalStateException(
                    "The image of the framework has no git: give the code by source.uri.");
        }
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        byte[] block = new byte[BLOCK];
        for (int count; (count = process.getInputStream().read(block)) >= 0; ) {
            output.write(block, 0, count);
        }
        return process.waitFor() == 0 ? output.toString("UTF-8").trim() : null;
    }

    // Kerberos.

    private static void renew(String mode, String keytab, String principal, String cache) throws Exception {
        if (mode.equals("keep")) {
            while (true) {
                Thread.sleep(ticket(mode, keytab, principal, cache) ? RENEW_MILLIS : RETRY_MILLIS);
            }
        }
        for (int left = FIRST_TICKET_TRIES; left > 0; left--) {
            if (ticket(mode, keytab, principal, cache)) {
                return;
            }
            if (left > 1) {
                Thread.sleep(FIRST_TICKET_RETRY_MILLIS);
            }
        }
        throw new IllegalStateException("kinit gets no ticket for " + principal + ".");
    }

    private static boolean ticket(String mode, String keytab, String principal, String cache) throws Exception {
        String fresh = cache + "." + mode;
        ProcessBuilder kinit = new ProcessBuilder("kinit", "-k", "-t", keytab, "-c", "FILE:" + fresh, principal);
        Process process;
        try {
            process = kinit.inheritIO().start();
        } catch (IOException missing) {
            throw new IllegalStateException(
                    "The image of the framework has no kinit, which a Kerberos identity needs: the package"
                            + " krb5-user of Debian or krb5-workstation of Fedora has it.");
        }
        if (process.waitFor() != 0) {
            return false;
        }
        Files.move(
                Paths.get(fresh),
                Paths.get(cache),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        return true;
    }

    // What all need.

    private static void report(String path, String name, String value) throws IOException {
        write(Paths.get(path), "{\"" + name + "\": \"" + value + "\"}");
    }

    private static void write(Path path, String text) throws IOException {
        Files.write(path, bytes(text));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String hash(Path path) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] block = new byte[BLOCK];
        try (InputStream input = Files.newInputStream(path)) {
            for (int count; (count = input.read(block)) >= 0; ) {
                digest.update(block, 0, count);
            }
        }
        return hex(digest.digest());
    }

    private static String hex(byte[] digest) {
        StringBuilder text = new StringBuilder();
        for (byte each : digest) {
            text.append(String.format(Locale.ROOT, "%02x", each));
        }
        return text.toString();
    }

    private static void delete(File file) {
        File[] inside = Files.isSymbolicLink(file.toPath()) ? null : file.listFiles();
        if (inside != null) {
            for (File each : inside) {
                delete(each);
            }
        }
        file.delete();
    }
}
