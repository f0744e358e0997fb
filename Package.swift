// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
    name: "swift-zookeeper",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ZooKeeper", targets: ["ZooKeeper"]),
        .library(name: "ZooKeeperRecipes", targets: ["ZooKeeperRecipes"]),
        .library(name: "ZooKeeperTesting", targets: ["ZooKeeperTesting"]),
        .library(name: "ZooKeeperHistory", targets: ["ZooKeeperHistory"]),
        .executable(name: "recipe-harness", targets: ["RecipeHarness"]),
        .executable(name: "zklock", targets: ["zklock"]),
    ],
    traits: [
        .trait(name: "ServiceLifecycle", description: "ZooKeeperClient is a Service, with graceful shutdown."),
        .trait(name: "Metrics", description: "Counts requests, sessions and locks with swift-metrics."),
        .trait(name: "Tracing", description: "Spans for requests and acquisitions with swift-distributed-tracing."),
        .trait(name: "Configuration", description: "Reads the configuration with swift-configuration."),
        .default(enabledTraits: ["ServiceLifecycle", "Metrics", "Tracing"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
    ],
    targets: [
        // MARK: Libraries
        .systemLibrary(name: "CZooKeeper", providers: [.apt(["libzookeeper-mt-dev"]), .brew(["zookeeper"])]),
        .target(
            name: "ZooKeeper",
            dependencies: [
                "CZooKeeper", .configuration, .deque, .heap, .logging, .metrics, .serviceLifecycle, .tracing,
            ]),
        .target(
            name: "ZooKeeperRecipes",
            dependencies: ["ZooKeeper", .logging, .metrics, .serviceLifecycle, .tracing], path: "Recipes"),
        .target(name: "ProcessSignals", dependencies: [.system]),
        .target(
            name: "ZooKeeperTesting",
            dependencies: ["ProcessSignals", "ZooKeeper", .logging, .subprocess, .system]),
        .target(name: "ZooKeeperHistory", dependencies: [.system]),

        // MARK: Programs
        .executableTarget(
            name: "RecipeHarness",
            dependencies: [
                "CZooKeeper", "ProcessSignals", "ZooKeeper", "ZooKeeperHistory", "ZooKeeperRecipes", "ZooKeeperTesting",
                .argumentParser, .logging, .serviceLifecycle, .subprocess, .system, .unixSignals,
            ]),
        .target(name: "CZKLock"),
        .executableTarget(
            name: "zklock",
            dependencies: [
                "CZKLock", "ProcessSignals", "ZooKeeper", "ZooKeeperRecipes", .argumentParser, .logging, .system,
            ],
            exclude: ["README.md"]),
        .tool(
            "ModelChecker",
            dependencies: ["ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", .argumentParser, .system]),
        .tool(
            "Soak",
            dependencies: ["TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", .logging]),
        .example("FirstLock", dependencies: ["ZooKeeperRecipes"]),
        .example(
            "LeaderElectedWorker",
            dependencies: ["ZooKeeperRecipes", .logging, .serviceLifecycle, .system, .unixSignals]),
        .example("ReadWriteCache", dependencies: ["ZooKeeperRecipes", .system]),
        .example("FencedWriter", dependencies: ["ZooKeeperRecipes", .system]),
        .example("ServiceRegistry", dependencies: [.logging, .serviceLifecycle, .system, .unixSignals]),
        .example("OwnHarness", dependencies: ["ZooKeeperHistory", .system]),
        .example("SideBySide", dependencies: ["ZooKeeperRecipes", .system], exclude: ["CuratorSide.java"]),
        .example(
            "LockDemo",
            dependencies: [
                "ProcessSignals", "ZooKeeperRecipes", "ZooKeeperTesting", .logging, .subprocess, .system,
            ]),

        // MARK: Tests
        .target(
            name: "TestSupport",
            dependencies: [
                "ProcessSignals", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", .logging, .subprocess, .system,
            ],
            path: "Tests/Support/Helpers"),
        .target(
            name: "FaultyResolver", path: "Tests/Support/FaultyResolver", linkerSettings: [.linkedLibrary("dl")]),
        .executableTarget(
            name: "TestWorker",
            dependencies: ["FaultyResolver", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", .system],
            path: "Tests/Support/TestWorker"),
        .executableTarget(
            name: "InteropWorker",
            dependencies: ["ZooKeeper", "ZooKeeperRecipes", .system],
            path: "Tests/Support/Peers/Swift"),
        .testTarget(
            name: "ZooKeeperTests",
            dependencies: ["TestSupport", "ZooKeeper", "ZooKeeperTesting", .configuration, .logging]),
        .testTarget(
            name: "ZooKeeperIntegrationTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperTesting",
                .inMemoryLogging, .inMemoryTracing, .logging, .metrics, .metricsTestKit, .serviceLifecycleTestKit,
                .tracing,
            ]),
        .testTarget(
            name: "ZooKeeperRecipesTests",
            dependencies: [
                "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", .inMemoryLogging, .logging,
            ]),
        .testTarget(
            name: "ZooKeeperRecipesIntegrationTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .inMemoryLogging, .inMemoryTracing, .logging, .metrics, .metricsTestKit, .serviceLifecycleTestKit,
                .tracing,
            ]),
        .testTarget(
            name: "ZooKeeperTestingTests",
            dependencies: ["ProcessSignals", "TestSupport", "ZooKeeper", "ZooKeeperTesting"]),
        .testTarget(
            name: "ZooKeeperTestingIntegrationTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperTesting", .logging,
            ]),
        .testTarget(
            name: "ZooKeeperHistoryTests", dependencies: ["TestSupport", "ZooKeeperHistory", "ZooKeeperTesting"]),
        .testTarget(
            name: "RobustnessTests",
            dependencies: ["Soak", "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting"],
            exclude: ["Fuzz/JVMRules.java"]),
        .testTarget(name: "ModelCheckTests", dependencies: ["ModelChecker", "TestSupport"]),
        .testTarget(
            name: "InteropTests",
            dependencies: [
                "InteropWorker", "ProcessSignals", "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .subprocess, .system,
            ]),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "FencedWriter", "FirstLock", "LeaderElectedWorker", "LockDemo", "OwnHarness", "ProcessSignals",
                "ReadWriteCache", "ServiceRegistry", "SideBySide", "TestSupport", "ZooKeeper", "ZooKeeperHistory",
                "ZooKeeperRecipes", "ZooKeeperTesting",
            ],
            exclude: ["Uses"]),
        .testTarget(
            name: "ZKLockTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", "zklock",
                .logging,
                .system,
            ]),
        .testTarget(
            name: "HarnessTests",
            dependencies: ["ProcessSignals", "RecipeHarness", "TestSupport", "ZooKeeperHistory", "ZooKeeperTesting"]),
    ])

// Where the project is checked, and never in a package that depends on it.
let warningsAreErrors = Context.environment["WARNINGS_AS_ERRORS"] != nil

// All but the targets in C.
for target in package.targets where !["CZKLock", "CZooKeeper", "FaultyResolver"].contains(target.name) {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(),
    ]
    if warningsAreErrors { target.swiftSettings?.append(.treatAllWarnings(as: .error)) }
}

extension Target {
    static func tool(_ name: String, dependencies: [Dependency]) -> Target {
        .executableTarget(name: name, dependencies: dependencies, path: "Tools/\(name)")
    }

    static func example(_ name: String, dependencies: [Dependency], exclude: [String] = []) -> Target {
        .executableTarget(
            name: name, dependencies: ["ZooKeeper", .argumentParser] + dependencies, path: "Examples/\(name)",
            exclude: ["README.md"] + exclude)
    }
}

extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let deque = product(name: "DequeModule", package: "swift-collections")
    static let heap = product(name: "HeapModule", package: "swift-collections")
    static let inMemoryLogging = product(name: "InMemoryLogging", package: "swift-log")
    static let logging = product(name: "Logging", package: "swift-log")
    static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
    static let system = product(name: "SystemPackage", package: "swift-system")
    /// Needed by programs without the trait, too.
    static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")

    // MARK: By trait
    static let configuration = product("Configuration", package: "swift-configuration", trait: "Configuration")
    static let inMemoryTracing = product("InMemoryTracing", package: "swift-distributed-tracing", trait: "Tracing")
    /// Not the product Metrics, which brings Foundation.
    static let metrics = product("CoreMetrics", package: "swift-metrics", trait: "Metrics")
    static let metricsTestKit = product("MetricsTestKit", package: "swift-metrics", trait: "Metrics")
    static let serviceLifecycle = lifecycle("ServiceLifecycle")
    static let serviceLifecycleTestKit = lifecycle("ServiceLifecycleTestKit")
    static let tracing = product("Tracing", package: "swift-distributed-tracing", trait: "Tracing")

    private static func lifecycle(_ name: String) -> Self {
        product(name, package: "swift-service-lifecycle", trait: "ServiceLifecycle")
    }

    private static func product(_ name: String, package: String, trait: String) -> Self {
        .product(name: name, package: package, condition: .when(traits: [trait]))
    }
}
