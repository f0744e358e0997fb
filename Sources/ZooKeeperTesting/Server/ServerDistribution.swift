// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage

/// The ZooKeeper server software that is installed on this machine.
public struct ServerDistribution: Sendable, Hashable {
    /// The Java class path.
    public var classPath: String
    /// The `java` program.
    public var java: String

    /// Creates a distribution from its parts.
    ///
    /// - Parameters:
    ///   - classPath: The jars of the server and of its dependencies.
    ///   - java: The `java` program; a name is looked up in `PATH`.
    public init(classPath: String, java: String = "java") {
        self.classPath = classPath
        self.java = java
    }

    /// Finds the installed server: in `ZOOKEEPER_HOME` if that is set, else Debian's, else Homebrew's. Java is found in
    /// `JAVA_HOME` if that is set, else in `PATH`.
    ///
    /// - Throws: ``TestKitError`` with instructions on how to install it.
    public static func installed() async throws -> ServerDistribution {
        ServerDistribution(classPath: try classPath(), java: try await findJava())
    }

    private static func classPath() throws(TestKitError) -> String {
        if let home = environment("ZOOKEEPER_HOME") {
            // The layout of Apache's archive, and that of a build tree.
            guard let lib = ["\(home)/lib", "\(home)/build/lib"].first(where: exists) else {
                throw TestKitError("ZOOKEEPER_HOME is \(home), but there is no lib folder in it")
            }
            return "\(home)/conf:\(lib)/*:\(home)/*"
        }
        let debian = "/usr/share/java"
        if exists("\(debian)/zookeeper.jar") {
            // Its manifest names its dependencies, except for an implementation of the log.
            return "\(debian)/zookeeper.jar:\(debian)/slf4j-simple.jar"
        }
        for prefix in ["/opt/homebrew", "/usr/local"] where exists("\(prefix)/opt/zookeeper/libexec") {
            let libexec = "\(prefix)/opt/zookeeper/libexec"
            return "\(libexec)/*:\(libexec)/lib/*"
        }
        throw TestKitError(
            """
            No ZooKeeper server was found. Install one: `apt-get install zookeeper libslf4j-java` on Debian and Ubuntu, \
            `brew install zookeeper` on macOS; or unpack Apache's archive and set ZOOKEEPER_HOME to it.
            """)
    }

    private static func findJava() async throws -> String {
        if let home = environment("JAVA_HOME"), exists("\(home)/bin/java") { return "\(home)/bin/java" }
        do {
            return try await Executable.name("java").resolveExecutablePath(in: .inherit).string
        } catch {
            throw TestKitError(
                "No Java was found. Install one (`apt-get install default-jre-headless` on Debian and Ubuntu), or set "
                    + "JAVA_HOME.")
        }
    }

    private static func exists(_ path: String) -> Bool {
        guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly) else { return false }
        try? descriptor.close()
        return true
    }

    private static func environment(_ name: String) -> String? {
        guard let value = environmentValue(name), !value.isEmpty else { return nil }
        return value
    }
}
