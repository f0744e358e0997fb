// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
]

let package = Package(
    name: "swift-zookeeper",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ZooKeeper", targets: ["ZooKeeper"]),
        .library(name: "ZooKeeperRecipes", targets: ["ZooKeeperRecipes"]),
        .library(name: "ZooKeeperTesting", targets: ["ZooKeeperTesting"]),
        .executable(name: "recipe-harness", targets: ["RecipeHarness"]),
    ],
    traits: [
        .trait(
            name: "ServiceLifecycle",
            description: "ZooKeeperClient is a Service, with graceful shutdown."),
        .default(enabledTraits: ["ServiceLifecycle"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
    ],
    targets: [
        .systemLibrary(
            name: "CZooKeeper",
            providers: [.apt(["libzookeeper-mt-dev"]), .brew(["zookeeper"])]),
        .target(
            name: "ZooKeeper",
            dependencies: [
                "CZooKeeper",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            swiftSettings: settings),
        .target(
            name: "ZooKeeperRecipes",
            dependencies: [
                "ZooKeeper",
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            path: "Recipes",
            swiftSettings: settings),
        .target(
            name: "ProcessSignals",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings),
        .target(
            name: "ZooKeeperTesting",
            dependencies: [
                "ProcessSignals", "ZooKeeper",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(name: "ZooKeeperHistory", swiftSettings: settings),
        .executableTarget(
            name: "RecipeHarness",
            dependencies: [
                "ProcessSignals", "ZooKeeper", "ZooKeeperHistory", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // MARK: Examples

        .executableTarget(
            name: "FirstLock",
            dependencies: [
                "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/FirstLock",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "LeaderElectedWorker",
            dependencies: [
                "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(
                    name: "UnixSignals", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            path: "Examples/LeaderElectedWorker",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "ReadWriteCache",
            dependencies: [
                "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Examples/ReadWriteCache",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "FencedWriter",
            dependencies: [
                "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Examples/FencedWriter",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "ServiceRegistry",
            dependencies: [
                "ZooKeeper",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(
                    name: "UnixSignals", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            path: "Examples/ServiceRegistry",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "LockDemo",
            dependencies: [
                "ProcessSignals", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Examples/LockDemo",
            exclude: ["README.md"],
            swiftSettings: settings),
        .executableTarget(
            name: "zklock",
            dependencies: [
                "ProcessSignals", "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Examples/zklock",
            exclude: ["README.md"],
            swiftSettings: settings),

        // MARK: Tests

        .target(
            name: "TestSupport",
            dependencies: [
                "ProcessSignals", "ZooKeeper", "ZooKeeperTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/Support", swiftSettings: settings),
        .target(
            name: "FaultyResolver", path: "Tests/FaultyResolver", linkerSettings: [.linkedLibrary("dl")]),
        .target(
            name: "Storm",
            dependencies: [
                "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Storm", swiftSettings: settings),
        .executableTarget(
            name: "Soak",
            dependencies: ["Storm", "TestSupport", "ZooKeeperTesting"],
            path: "Tests/Soak", swiftSettings: settings),
        .target(
            name: "ModelCheck",
            dependencies: ["TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting"],
            path: "Tests/ModelCheck", swiftSettings: settings),
        .executableTarget(
            name: "ModelChecker",
            dependencies: [
                "ModelCheck",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/ModelChecker", swiftSettings: settings),
        .executableTarget(
            name: "TestWorker",
            dependencies: [
                "FaultyResolver", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/TestWorker", swiftSettings: settings),
        .executableTarget(
            name: "InteropWorker",
            dependencies: [
                "ZooKeeper", "ZooKeeperRecipes",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/Peers/Swift", swiftSettings: settings),
        .testTarget(
            name: "ZooKeeperTests", dependencies: ["TestSupport", "ZooKeeper"], swiftSettings: settings),
        .testTarget(
            name: "RecipesTests", dependencies: ["ZooKeeper", "ZooKeeperRecipes"], swiftSettings: settings),
        .testTarget(
            name: "TestKitTests",
            dependencies: ["ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ModelTests",
            dependencies: [
                "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(name: "ModelCheckTests", dependencies: ["ModelCheck"], swiftSettings: settings),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperTesting",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "FuzzTests",
            dependencies: ["Storm", "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting"],
            exclude: ["JVMRules.java"],
            swiftSettings: settings),
        .testTarget(
            name: "CutEverywhereTests",
            dependencies: ["TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "FencedWriter", "FirstLock", "LeaderElectedWorker", "LockDemo", "ProcessSignals", "ReadWriteCache",
                "ServiceRegistry", "TestSupport", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting", "zklock",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "InteropTests",
            dependencies: [
                "InteropWorker", "ProcessSignals", "TestSupport", "ZooKeeper", "ZooKeeperTesting",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "HarnessTests",
            dependencies: ["ProcessSignals", "RecipeHarness", "TestSupport", "ZooKeeperHistory", "ZooKeeperTesting"],
            exclude: ["page-in-browser"],
            swiftSettings: settings),
        .testTarget(
            name: "RecipesIntegrationTests",
            dependencies: [
                "ProcessSignals", "TestSupport", "TestWorker", "ZooKeeper", "ZooKeeperRecipes", "ZooKeeperTesting",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            swiftSettings: settings),
    ])
