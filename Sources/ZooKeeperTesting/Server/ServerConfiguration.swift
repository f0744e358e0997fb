// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// The settings of a test server: its `zoo.cfg` and its Java options.
public struct ServerConfiguration: Sendable, Hashable {
    /// The server's unit of time, in steps of which sessions expire. Default: 200 ms, so that tests need not wait long.
    public var tickTime: Duration = .milliseconds(200)
    /// The shortest session time-out a client may have. Default: 400 ms.
    public var minimumSessionTimeout: Duration = .milliseconds(400)
    /// The longest session time-out a client may have. Default: 60 s.
    public var maximumSessionTimeout: Duration = .seconds(60)
    /// Flushes every transaction to the disk (`forceSync`). Default: `false`. Data outlives the process either way.
    public var forcesSync = false
    /// The server's number in an ensemble (`myid`); `nil` for a standalone server.
    public var myID: Int?
    /// Further properties in `zoo.cfg`.
    public var properties: [String: String] = [:]
    /// The system properties of the JVM (`-D`). Default: nodes with a time to live are allowed.
    public var systemProperties: [String: String] = ["zookeeper.extendedTypesEnabled": "true"]
    /// The maximum heap of the JVM in MiB. Default: 256.
    public var maximumHeapMiB = 256
    /// Further options of the JVM. Default: those that halve the time to start. A server that runs for minutes is faster
    /// without them.
    public var javaOptions = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

    /// Creates the default settings.
    public init() {}

    /// Returns the text of `zoo.cfg` for a server that has its data in `directory` and listens on `port`.
    func text(directory: String, port: Int) -> String {
        var lines = [
            "dataDir=\(directory)/data",
            "clientPort=\(port)",
            "clientPortAddress=127.0.0.1",
            "tickTime=\(tickTime.wholeMilliseconds)",
            "minSessionTimeout=\(minimumSessionTimeout.wholeMilliseconds)",
            "maxSessionTimeout=\(maximumSessionTimeout.wholeMilliseconds)",
            "maxClientCnxns=0",
            "forceSync=\(forcesSync ? "yes" : "no")",
            "admin.enableServer=false",
            "4lw.commands.whitelist=*",
        ]
        lines += properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return lines.map { $0 + "\n" }.joined()
    }
}
