// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own: it uses the public API only, and users of the library need not build it.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    products: [
        // Preloaded in place of the real library: see Sources/StubZooKeeper/stub.c.
        .library(name: "stub_zookeeper", type: .dynamic, targets: ["StubZooKeeper"]),
        .executable(name: "bench-server", targets: ["bench-server"]),
        .executable(name: "bridge-cost", targets: ["bridge-cost"]),
        .executable(name: "c-bench", targets: ["c-bench"]),
        .executable(name: "peer-bench", targets: ["peer-bench"]),
    ],
    dependencies: [
        .package(name: "swift-zookeeper", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    ],
    targets: [
        .target(name: "StubZooKeeper", cSettings: [.define("_GNU_SOURCE")], linkerSettings: [.linkedLibrary("dl")]),
        .target(
            name: "RawCalls", cSettings: [.define("_GNU_SOURCE")], linkerSettings: [.linkedLibrary("zookeeper_mt")]),
        .executableTarget(
            name: "bench-server", dependencies: [.product(name: "ZooKeeperTesting", package: "swift-zookeeper")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        .executableTarget(
            name: "c-bench", cSettings: [.define("_GNU_SOURCE")], linkerSettings: [.linkedLibrary("zookeeper_mt")]),
        .executableTarget(
            name: "bridge-cost",
            dependencies: [
                "RawCalls",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ZooKeeper", package: "swift-zookeeper"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        .executableTarget(
            name: "peer-bench",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "ZooKeeper", package: "swift-zookeeper"),
                .product(name: "ZooKeeperRecipes", package: "swift-zookeeper"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    ])
