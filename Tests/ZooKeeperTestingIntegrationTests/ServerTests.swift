// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(3))) struct ServerTests {
    @Test func keepsItsDataOverAKillAndItsPort() async throws {
        try await ZooKeeperServer.withServer { server in
            let port = server.port
            try await ZooKeeperClient.withClient(server.configuration) { try await $0.create("/a", data: [7]) }
            await server.kill()
            #expect(!server.isRunning)
            await #expect(throws: TestKitError.self) { try await server.ask("srvr") }
            try await server.restart()
            #expect(server.port == port)
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let data = try await client.get("/a").data
                #expect(data == [7])
            }
        }
    }

    @Test func aFrozenServerIsSilentAndGoesOn() async throws {
        try await ZooKeeperServer.withServer { server in
            server.freeze()
            #expect(server.isRunning)
            let silence = try await server.ask("srvr")
            #expect(silence == "")
            server.thaw()
            let answer = try await server.ask("srvr")
            #expect(answer.contains("Mode: standalone"))
        }
    }

    @Test func aFrozenServerCanBeKilled() async throws {
        try await ZooKeeperServer.withServer { server in
            server.freeze()
            await server.kill()
            try await server.restart()
            let answer = try await server.ask("ruok")
            #expect(answer == "imok")
        }
    }

    @Test func severalRunAtOnce() async throws {
        let ports = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<3 {
                group.addTask {
                    try await ZooKeeperServer.withServer { server in
                        let path = ZNodePath.root.child("server-\(index)")
                        try await ZooKeeperClient.withClient(server.configuration) { client in
                            try await client.create(path)
                            let names = try await client.children(of: "/").names
                            #expect(names.sorted() == ["server-\(index)", "zookeeper"], "its own data only")
                        }
                        return server.port
                    }
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(ports.count == 3)
    }

    @Test func nothingIsLeftAfterTheScope() async throws {
        struct Oops: Error {}
        let remains = Shared<(pid: Int32, directory: String)?>(nil)
        await #expect(throws: Oops.self) {
            try await ZooKeeperServer.withServer { server in
                remains.withLock { $0 = (server.processID ?? 0, server.directory) }
                throw Oops()
            }
        }
        let (pid, directory) = try #require(remains.value)
        #expect(!isAlive(pid))
        #expect(!exists(directory))
    }

    /// The worker has no chance to clean up after itself. A frozen server makes the system send HUP to its group, in
    /// which the shell that cleans up is.
    @Test(arguments: [false, true]) func nothingIsLeftAfterSIGKILL(_ isFrozen: Bool) async throws {
        let remains = Shared<(pid: Int32, directory: String)?>(nil)
        let (_, succeeded) = try await Program.testWorker.run(["server"] + (isFrozen ? ["frozen"] : [])) { worker in
            let words = try await worker.line(startingWith: "server").split(separator: " ")
            let pid = try #require(Int32(words[2]))
            #expect(isAlive(pid))
            remains.withLock { $0 = (pid, String(words[3])) }
            #expect(ProcessSignal.send(SIGKILL, to: worker.pid))
        }
        #expect(!succeeded)
        let (pid, directory) = try #require(remains.value)
        try await eventually("the server is gone") { !isAlive(pid) }
        try await eventually("its data is gone") { !exists(directory) }
    }

    /// The worker may be killed while the shell that cleans up is still starting: nobody reads then what it reports.
    @Test func nothingIsLeftOfAStartThatNobodyWaitsFor() async throws {
        let made = try await Program(found: "mktemp").output(["-d"]).lines.first
        let directory = try #require(made)
        // The reader of the pipe is gone before the shell begins.
        let unread = """
            exec 3> >(exit)
            wait $!
            TMPDIR=$1 /bin/sh -c "$2" sh true >&3 3>&- </dev/null
            """
        _ = try await Program(found: "bash").output(["-c", unread, "bash", directory, GuardedProcess.script])
        let left = try await Program(found: "ls").output(["-A", directory]).lines
        #expect(left == [])
        _ = try await Program(found: "rm").output(["-rf", directory])
    }

    @Test func whatIsMissingIsSaid() async throws {
        let nowhere = ServerDistribution(classPath: "/nowhere/*")
        do {
            try await ZooKeeperServer.withServer(distribution: nowhere) { _ in }
            Issue.record("started")
        } catch let error as TestKitError {
            #expect(error.description.contains("QuorumPeerMain"), "the log says which class is missing")
        }
        let noJava = ServerDistribution(classPath: "/nowhere/*", java: "/nowhere/java")
        await #expect(throws: TestKitError.self) { try await ZooKeeperServer.withServer(distribution: noJava) { _ in } }
    }

    @Test func settingsReachTheServer() async throws {
        var configuration = ServerConfiguration()
        configuration.tickTime = .milliseconds(500)
        configuration.minimumSessionTimeout = .milliseconds(700)
        configuration.maximumSessionTimeout = .milliseconds(900)
        configuration.properties["maxClientCnxns"] = "17"
        configuration.systemProperties["zookeeper.test.marker"] = "here"
        try await ZooKeeperServer.withServer(configuration) { server in
            let settings = try await server.ask("conf")
            #expect(settings.contains("tickTime=500"))
            #expect(settings.contains("maxClientCnxns=17"))
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let timeout = try await client.withSession { $0.timeout }
                #expect(timeout == .milliseconds(900))
            }
            #expect(server.log.contains("binding to port"))
            let pid = try #require(server.processID)
            #expect(try readFile("/proc/\(pid)/cmdline").contains("-Dzookeeper.test.marker=here"))
        }
    }

    @Test func aSessionCanBeEnded() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let session = try await client.withSession { $0 }
                try await session.create("/e", mode: .ephemeral)
                try await server.expire(session)
                let state = await session.ended.wait()
                guard case .value(.lost(.expired)) = state else {
                    Issue.record("\(state)")
                    return
                }
                let stat = try await client.exists("/e")
                #expect(stat == nil)
            }
        }
    }

    private func isAlive(_ pid: Int32) -> Bool {
        // A zombie still has its number; its command line is empty.
        kill(pid, 0) == 0 && !((try? readFile("/proc/\(pid)/cmdline")) ?? "").isEmpty
    }

    private func exists(_ path: String) -> Bool { (try? readFile("\(path)/zoo.cfg")) != nil }
}
