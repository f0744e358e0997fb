// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import zklock

/// Command lines, times and files with credentials.
@Suite struct SettingsTests {
    private func request(_ line: String...) throws -> HoldRequest {
        try HoldOptions.parse(arguments: line).request(shell: "/bin/shell")
    }

    @Test(arguments: [
        ["/l", "cmd", "-n", "--x"], ["/l", "--", "cmd", "-n", "--x"], ["-n", "/l", "cmd", "-n", "--x"],
        ["/l", "-n", "--", "cmd", "-n", "--x"], ["/l", "-n", "cmd", "-n", "--x"],
    ])
    func theCommandIsEverythingBehindThePath(_ line: [String]) throws {
        let request = try HoldOptions.parse(arguments: line).request(shell: "")
        #expect(request.path == "/l" && request.command.words == ["cmd", "-n", "--x"])
        #expect((request.patience == .none) == (line.dropLast(3).contains("-n")))
    }

    @Test func aTerminatorOfTheCommandIsItsOwn() throws {
        #expect(try request("/l", "git", "log", "--", "file").command.words == ["git", "log", "--", "file"])
        #expect(try request("/l", "--", "git", "--", "file").command.words == ["git", "--", "file"])
        #expect(try request("/l", "cmd", "--help").command.words == ["cmd", "--help"])
    }

    @Test func aStringIsForTheShell() throws {
        for line in [["-c", "a b"], ["--command", "a b"]] {
            #expect(
                try HoldOptions.parse(arguments: ["/l"] + line).request(shell: "/s").command.words == [
                    "/s", "-c", "a b",
                ])
            #expect(
                try HoldOptions.parse(arguments: line + ["/l"]).request(shell: "/s").command.words == [
                    "/s", "-c", "a b",
                ])
        }
        #expect(throws: (any Error).self) { try request("/l", "-c", "a", "b") }
    }

    @Test(arguments: [
        (["-n"], HoldRequest.Patience.none), (["--try"], .none), (["--nonblock"], .none), (["-w", "0"], .none),
        (["-w", "1.5"], .upTo(.milliseconds(1_500))), (["--timeout", "2m"], .upTo(.seconds(120))),
        (["--wait=3"], .upTo(.seconds(3))), (["-w5"], .upTo(.seconds(5))), (["-n", "--"], .none), ([], .forever),
    ])
    func theWait(_ options: [String], _ patience: HoldRequest.Patience) throws {
        #expect(
            try HoldOptions.parse(arguments: options + ["/l", "cmd"]).request(shell: "").patience == patience)
    }

    @Test(arguments: [
        ([], HoldRequest.Kind.mutex), (["-s"], .shared), (["--shared"], .shared), (["-x"], .exclusive),
        (["-e"], .exclusive), (["--read-write"], .exclusive), (["--exclusive"], .exclusive),
    ])
    func theKind(_ options: [String], _ kind: HoldRequest.Kind) throws {
        #expect(try HoldOptions.parse(arguments: options + ["/l", "cmd"]).request(shell: "").kind == kind)
    }

    @Test func everythingElse() throws {
        let request = try request(
            "--kazoo", "-E", "9", "--grace", "0.5", "--hold-at-least", "5", "--once-per", "1h30m", "--id", "me",
            "--revocable",
            "-v", "-o", "/l", "cmd")
        #expect(request.isKazoo && request.isRevocable && request.isVerbose && !request.isQuiet)
        #expect(request.statusIfTaken == 9 && request.grace == .milliseconds(500))
        #expect(request.holdAtLeast == .seconds(5) && request.oncePer == .seconds(5_400) && request.id == "me")
    }

    @Test(arguments: [
        ["--try", "--timeout", "1", "/l", "c"], ["-s", "-x", "/l", "c"], ["--grace", "nan", "/l", "c"],
        ["--grace", "3601", "/l", "c"], ["--timeout", "-1", "/l", "c"], ["-E", "256", "/l", "c"],
        ["-E", "-1", "/l", "c"],
        ["--session-timeout", "0", "/l", "c"], ["--session-timeout", "601", "/l", "c"], ["--no-fork", "/l", "c"],
        ["-u", "/l", "c"], ["l", "c"], ["/l/", "c"], ["/l"], ["/l", "--"], [], ["--bogus", "/l", "c"],
        ["/l", "--bogus", "c"], ["--once-per", "0", "/l", "c"], ["--once-per", "1h", "-s", "/l", "c"],
        ["-w", "soon", "/l", "c"],
    ])
    func badInput(_ line: [String]) {
        #expect(throws: (any Error).self) { try HoldOptions.parse(arguments: line).request(shell: "") }
    }

    @Test(arguments: [
        ("30", Duration.seconds(30)), ("0.5", .milliseconds(500)), ("0", .zero), ("90s", .seconds(90)),
        ("10m", .seconds(600)), ("1h30m", .seconds(5_400)), ("2d", .seconds(172_800)), ("250ms", .milliseconds(250)),
        ("1.5h", .seconds(5_400)),
    ])
    func aTime(_ text: String, _ duration: Duration) { #expect(TimeSpan(argument: text)?.duration == duration) }

    @Test(arguments: [
        "", "-1", "x", "1x", "1h 30m", "s", ".", "1e3", "nan", "inf", "0x10", "1h30", "1..2", "99999d", "५",
    ])
    func noTime(_ text: String) { #expect(TimeSpan(argument: text) == nil) }

    @Test func credentials() throws {
        let text = "# who we are\n\ndigest:user:pass:word\r\nsasl:proof\n"
        let found = try AuthFile.parse(Array(text.utf8), "f")
        #expect(
            found == [.digest(user: "user", password: "pass:word"), Credential(scheme: "sasl", proof: "proof".utf8)])
    }

    @Test(arguments: ["", "# nothing", "secret", "digest:", ":secret", "digest:secret", "digest:user:p\nsecret"])
    func noCredentials(_ text: String) {
        let error = #expect(throws: AuthFile.Failure.self) { try AuthFile.parse(Array(text.utf8), "FILE") }
        #expect(error?.description.contains("FILE") == true && error?.description.contains("secret") == false)
    }

    @Test func aFileThatOthersCanReadIsRefused() async throws {
        try await withTemporaryFile(containing: "digest:user:secret\n") { file in
            #expect(try AuthFile.read(file) == [.digest(user: "user", password: "secret")])
            try await setMode(0o640, of: file)
            let error = #expect(throws: AuthFile.Failure.self) { try AuthFile.read(file) }
            #expect(error?.description.contains("chmod 600") == true)
        }
        #expect(throws: AuthFile.Failure.self) { try AuthFile.read("/no/such/file") }
    }

    private func setMode(_ mode: Int, of file: String) async throws {
        let (_, succeeded) = try await Program(found: "chmod").output([String(mode, radix: 8), file])
        #expect(succeeded)
    }
}
