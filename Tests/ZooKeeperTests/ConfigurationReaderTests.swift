// SPDX-License-Identifier: Apache-2.0

#if Configuration
import Configuration
import TestSupport
import Testing
import ZooKeeper

/// The settings of a client, as read with swift-configuration.
@Suite struct ConfigurationReaderTests {
    private func read(_ values: [AbsoluteConfigKey: ConfigValue]) throws -> ZooKeeperConfiguration {
        try ZooKeeperConfiguration(reader: ConfigReader(provider: InMemoryProvider(values: values)))
    }

    private func list(_ values: String...) -> ConfigValue { ConfigValue(.stringArray(values), isSecret: false) }

    /// Reads the settings together with a connect string.
    private func read(_ key: AbsoluteConfigKey, _ value: ConfigValue) throws -> ZooKeeperConfiguration {
        try read(["connectString": "zk1:2181", key: value])
    }

    private func expectRefusal(
        _ values: [AbsoluteConfigKey: ConfigValue], naming key: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: ZooKeeperError.self, sourceLocation: sourceLocation) { try read(values) }
        #expect(error?.code == .invalidConfiguration, sourceLocation: sourceLocation)
        let message = error?.message ?? ""
        #expect(message.hasPrefix("the configuration key \(key) "), "\(message)", sourceLocation: sourceLocation)
    }

    @Test func aConnectStringIsEnough() throws {
        let configuration = try read(["connectString": "zk1:2181,zk2/billing"])
        #expect(configuration == ZooKeeperConfiguration("zk1:2181,zk2:2181/billing"))
    }

    @Test func everySettingIsRead() throws {
        let configuration = try read([
            "servers": list("zk1", "zk2:2182"), "chroot": "/billing", "serverOrder": "fixed", "followsEnsemble": true,
            "sessionTimeoutMs": 1, "connectTimeoutMs": 2, "requestTimeoutMs": 3, "leaseMarginMs": 4,
            "closeTimeoutMs": 5, "abandonAfterMs": 6, "credential.user": "reader", "credential.password": "secret",
            "maximumRequestsUnderWay": 7, "maximumRequestLength": 8_000, "reconnectBackoff.initialMs": 9,
            "reconnectBackoff.maximumMs": 10,
        ])
        var expected = ZooKeeperConfiguration("zk1:2181,zk2:2182/billing")
        expected.serverOrder = .fixed
        expected.followsEnsemble = true
        expected.sessionTimeout = .milliseconds(1)
        expected.connectTimeout = .milliseconds(2)
        expected.requestTimeout = .milliseconds(3)
        expected.leaseMargin = .milliseconds(4)
        expected.closeTimeout = .milliseconds(5)
        expected.abandonAfter = .milliseconds(6)
        expected.credentials = [.digest(user: "reader", password: "secret")]
        expected.maximumRequestsUnderWay = 7
        expected.maximumRequestLength = 8_000
        expected.reconnectBackoff = Backoff(initial: .milliseconds(9), maximum: .milliseconds(10))
        #expect(configuration == expected)
    }

    @Test func environmentVariablesAreRead() throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: [
            "ZOOKEEPER_SERVERS": "zk1:2181,zk2:2181", "ZOOKEEPER_CHROOT": "/billing",
            "ZOOKEEPER_SESSION_TIMEOUT_MS": "6000", "ZOOKEEPER_FOLLOWS_ENSEMBLE": "true",
            "ZOOKEEPER_CREDENTIAL_SCHEME": "digest", "ZOOKEEPER_CREDENTIAL_PROOF": "a:b,c",
            "ZOOKEEPER_RECONNECT_BACKOFF_INITIAL_MS": "50",
        ])
        let reader = ConfigReader(provider: provider).scoped(to: "zookeeper")
        var expected = ZooKeeperConfiguration("zk1:2181,zk2:2181/billing")
        expected.sessionTimeout = .seconds(6)
        expected.followsEnsemble = true
        expected.credentials = [.digest(user: "a", password: "b,c")]
        expected.reconnectBackoff.initial = .milliseconds(50)
        #expect(try ZooKeeperConfiguration(reader: reader) == expected)
    }

    @Test func aServerIsRequired() {
        expectRefusal([:], naming: "connectString")
        expectRefusal(["connectString": ""], naming: "connectString")
        expectRefusal(["servers": list()], naming: "servers")
    }

    @Test(
        arguments: [
            ("connectString", "zk1:x"), ("connectString", "zk1/a//b"), ("serverOrder", "Random"),
        ] as [(String, String)]) func badTextIsRefused(_ key: String, _ value: String)
    {
        var values: [AbsoluteConfigKey: ConfigValue] = ["connectString": "zk1:2181"]
        values[AbsoluteConfigKey(ConfigKey(key))] = ConfigValue(.string(value), isSecret: false)
        expectRefusal(values, naming: key)
    }

    @Test func badServersAreRefused() {
        expectRefusal(["servers": list("zk1", "zk2:70000")], naming: "servers")
        expectRefusal(["servers": list("zk1"), "chroot": "billing"], naming: "chroot")
    }

    @Test(
        arguments: [
            ("sessionTimeoutMs", 0), ("connectTimeoutMs", 0), ("requestTimeoutMs", 0), ("leaseMarginMs", -1),
            ("closeTimeoutMs", -1), ("abandonAfterMs", 0), ("maximumRequestsUnderWay", 0),
            ("maximumRequestsUnderWay", 16_385), ("maximumRequestLength", 1_023),
            ("reconnectBackoff.initialMs, reconnectBackoff.maximumMs", 0),
            ("reconnectBackoff.initialMs, reconnectBackoff.maximumMs", 10_001),
        ] as [(String, Int)]) func numbersOutOfRangeAreRefused(_ key: String, _ value: Int)
    {
        let first = key.split(separator: ",")[0]
        expectRefusal(
            [
                "connectString": "zk1:2181",
                AbsoluteConfigKey(ConfigKey(String(first))): ConfigValue(.int(value), isSecret: false),
            ],
            naming: key)
    }

    /// A value that `ConfigReader` cannot convert would otherwise be taken for a missing one.
    @Test(arguments: [
        "serverOrder", "followsEnsemble", "sessionTimeoutMs", "connectTimeoutMs", "requestTimeoutMs", "leaseMarginMs",
        "closeTimeoutMs", "abandonAfterMs", "credential.user", "credential.password", "credential.scheme",
        "credential.proof", "maximumRequestsUnderWay", "maximumRequestLength", "reconnectBackoff.initialMs",
        "reconnectBackoff.maximumMs", "servers", "chroot",
    ]) func valuesOfAnotherTypeAreRefused(_ key: String) {
        expectRefusal(
            [
                "connectString": "zk1:2181",
                AbsoluteConfigKey(ConfigKey(key)): ConfigValue(.double(0.5), isSecret: false),
            ],
            naming: key)
        expectRefusal(
            ["connectString": "zk1:2181", AbsoluteConfigKey(ConfigKey(key)): ConfigValue(.bytes([1]), isSecret: true)],
            naming: key)
    }

    /// From the environment all values are texts.
    @Test func textThatIsNoNumberIsRefused() {
        let provider = EnvironmentVariablesProvider(environmentVariables: [
            "CONNECT_STRING": "zk1:2181", "SESSION_TIMEOUT_MS": "6s",
        ])
        let error = #expect(throws: ZooKeeperError.self) {
            try ZooKeeperConfiguration(reader: ConfigReader(provider: provider))
        }
        #expect(
            error?.message == "the configuration key sessionTimeoutMs must be an integer, in milliseconds")
    }

    @Test func combinationsThatMeanNothingAreRefused() {
        expectRefusal(["connectString": "zk1:2181", "servers": list("zk2:2181")], naming: "servers")
        expectRefusal(["connectString": "zk1:2181", "chroot": "/a"], naming: "chroot")
        for (present, missing) in [
            ("user", "password"), ("password", "user"), ("scheme", "proof"), ("proof", "scheme"),
        ] {
            expectRefusal(
                [
                    "connectString": "zk1:2181",
                    AbsoluteConfigKey(["credential", present]): ConfigValue(.string("x"), isSecret: true),
                ], naming: "credential.\(missing)")
        }
        expectRefusal(
            [
                "connectString": "zk1:2181", "credential.user": "x", "credential.password": "x",
                "credential.scheme": "digest",
            ], naming: "credential")
        expectRefusal(
            ["connectString": "zk1:2181", "credential.user": "a:b", "credential.password": "x"],
            naming: "credential.user")
        expectRefusal(
            ["connectString": "zk1:2181", "credential.scheme": "", "credential.proof": "x"],
            naming: "credential.scheme")
    }

    /// The value of a secret is in no error, and is marked where access is reported.
    @Test func secretsStaySecret() throws {
        let secret = "correct horse"
        for key in ["password", "proof"] {
            let error = #expect(throws: ZooKeeperError.self) {
                try read(
                    AbsoluteConfigKey(["credential", key]), ConfigValue(.string(secret), isSecret: false))
            }
            #expect(error.map { "\($0)".contains(secret) } == false)
        }
        let reporter = Reporter()
        _ = try ZooKeeperConfiguration(
            reader: ConfigReader(
                provider: InMemoryProvider(values: [
                    "connectString": "zk1:2181", "credential.user": "reader",
                    "credential.password": ConfigValue(.string(secret), isSecret: false),
                ]), accessReporter: reporter))
        #expect(!reporter.events.value.contains { $0.contains(secret) })
        #expect(reporter.keys.value.contains("credential.password"))
    }

    /// What is documented is what is read.
    @Test func theKeysAreDocumented() throws {
        let reporter = Reporter()
        for connection in [["connectString": "zk1:2181"], ["servers": list("zk1")]]
            as [[AbsoluteConfigKey: ConfigValue]]
        {
            _ = try ZooKeeperConfiguration(
                reader: ConfigReader(provider: InMemoryProvider(values: connection), accessReporter: reporter))
        }
        let read = reporter.keys.value
        #expect(read == Set(try Article.table("Configuration keys")))
        let source = try Article.source("Sources/ZooKeeper/Client/ZooKeeperConfiguration+Reader.swift")
        let list = source.split(separator: "\n").filter { $0.contains("    /// * `") }
        let listed = list.flatMap { $0.matches(of: /`([A-Za-z.]+)`(?: \(| and)/).map { String($0.1) } }
        #expect(read == Set(listed))
    }

    /// Remembers what is looked up.
    private final class Reporter: AccessReporter {
        let keys = Shared<Set<String>>([])
        let events = Shared<[String]>([])

        func report(_ event: AccessEvent) {
            keys.withLock { _ = $0.insert("\(event.metadata.key)") }
            events.withLock { $0.append("\(event.result)") }
        }
    }
}
#endif
