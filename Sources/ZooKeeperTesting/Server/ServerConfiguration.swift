import ZooKeeper

/// The configuration of a test server: its `zoo.cfg` and its command line.
public struct ServerConfiguration: Sendable, Hashable {
    /// The server's unit of time: sessions expire in steps of it. Default: 200 ms, so that tests need not wait long.
    public var tickTime: Duration = .milliseconds(200)
    /// The shortest session time-out a client may have. Default: 400 ms.
    public var minimumSessionTimeout: Duration = .milliseconds(400)
    /// The longest session time-out a client may have. Default: 60 s.
    public var maximumSessionTimeout: Duration = .seconds(60)
    /// Flushes every transaction to the disk. Default: `false`. Data outlives the death of the process either way.
    public var forcesSync = false
    /// The server's number in an ensemble, if it has one.
    public var myID: Int?
    /// Further lines of `zoo.cfg`.
    public var properties: [String: String] = [:]
    /// Further `-D` options. Default: nodes with a time to live are allowed.
    public var systemProperties: [String: String] = ["zookeeper.extendedTypesEnabled": "true"]
    /// The JVM's largest heap in MiB. Default: 256.
    public var maximumHeapMiB = 256

    public init() {}

    /// `zoo.cfg` for a server with its data in `directory` that listens on `port`.
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
