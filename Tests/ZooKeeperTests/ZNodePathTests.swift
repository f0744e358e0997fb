// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// The rules of the JVM client's `PathUtils.validatePath`.
@Suite struct ZNodePathTests {
    @Test(arguments: [
        "/", "/a", "/a/b", "/.x", "/..x", "/...", "/a b", "/\u{FEFF}", "/ä", "/漢字", "/\u{7E}", "/\u{A0}", "/\u{D7FF}",
        "/\u{F900}", "/\u{FFEF}", "/a.b", "/a/.b", "/a..",
    ])
    func isAccepted(_ text: String) throws {
        #expect(try ZNodePath(text).string == text)
    }

    @Test(arguments: [
        "", "a", "foo/bar", "//", "/a//b", "/a/", "/.", "/..", "/a/.", "/a/..", "/a/./b", "/a/../b", "/\u{0}",
        "/a\u{0}b", "/\u{1}", "/\u{1F}", "/\u{7F}", "/\u{85}", "/\u{9F}", "/\u{E000}", "/\u{F8FF}", "/\u{FFF0}",
        "/\u{FFFD}", "/\u{FFFF}", "/\u{1F600}",
    ])
    func isRefused(_ text: String) async {
        await expectFailure(.invalidPath) { try ZNodePath(text) }
    }

    @Test func knowsItsFamily() {
        let path: ZNodePath = "/a/b/c"
        #expect(path.name == "c")
        #expect(path.parent == "/a/b")
        #expect(path.ancestors == ["/a", "/a/b"])
        #expect(ZNodePath.root.parent == nil)
        #expect(ZNodePath.root.name == "")
        #expect(ZNodePath("/a").parent == .root)
        #expect(ZNodePath("/a").ancestors == [])
        #expect(path < "/a/c")
    }

    /// Paths whose names are equal strings for Swift are two nodes for ZooKeeper.
    @Test func isComparedByteByByte() throws {
        let composed = ZNodePath("/caf\u{E9}")
        let decomposed = ZNodePath("/cafe\u{301}")
        #expect(composed.string == decomposed.string)
        #expect(composed != decomposed)
        #expect(decomposed < composed && !(composed < decomposed))
        #expect(Set([composed, decomposed]).count == 2)
        #expect(try ZNodePath("/caf").appending("e\u{301}") != ZNodePath("/caf").appending("\u{E9}"))
    }

    @Test func appendsOneComponentOnly() async throws {
        #expect(try ZNodePath("/a").appending("b") == "/a/b")
        #expect(try ZNodePath.root.appending("b") == "/b")
        for component in ["", "b/c", "/b", ".", "..", "b\u{0}"] {
            await expectFailure(.invalidPath) { try ZNodePath("/a").appending(component) }
        }
    }

    @Test func aBadLiteralTraps() async {
        await #expect(processExitsWith: .failure) {
            let path: ZNodePath = "no slash"
            print(path)
        }
    }

    @Test func theChrootIsPutOnAndTakenOff() {
        let chroot: ZNodePath = "/app"
        #expect(ServerPath("/", below: chroot).string == "/app")
        #expect(ServerPath("/a/b", below: chroot).string == "/app/a/b")
        #expect(ServerPath(received: "/app").relative(to: chroot) == "/")
        #expect(ServerPath(received: "/app/a").relative(to: chroot) == "/a")
        #expect(ServerPath(received: "/apple/a").relative(to: chroot) == "/apple/a")
        #expect(ServerPath("/a", below: .root).string == "/a")
        #expect(ServerPath(received: "/a").relative(to: .root) == "/a")
    }

    /// The paths of a transaction's steps too, but not that of the ensemble's own nodes.
    @Test func everyPathOfARequestHasTheChroot() {
        let steps = [
            TransactionStep("/a", .check(version: -1)),
            TransactionStep("/", .create(data: [], mode: .persistentSequential, accessControl: .open)),
        ]
        let transaction = Request(.transaction(steps)).rooted(at: "/app")
        guard case .transaction(let rooted) = transaction.action else {
            Issue.record("\(transaction)")
            return
        }
        #expect(rooted.map(\.path.string) == ["/app/a", "/app/"])
        #expect(GetEnsembleConfiguration().makeRequest().rooted(at: "/app").path?.string == "/zookeeper/config")
    }
}
