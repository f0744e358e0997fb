// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// What the actions of a contender ask of the servers, and what the answers mean.
@Suite struct ContenderRequestsTests {
    private typealias Action = ContenderMachine.Action
    private typealias Failure = ContenderMachine.Failure

    private let directory: ZNodePath = "/a/b"
    private let lost = Failure(.connectionLoss, .unknown)
    private let noNode = Failure(.noNode, .refused)

    private var context: ContenderMachine.Context {
        ContenderMachine.Context(
            directory: directory, dialect: .curator, kind: .exclusive, data: [7], accessControl: .creatorAll)
    }

    private func texts(_ action: Action) -> [String] {
        action.requests(in: context).map { "\($0.action.name) \($0.path?.string ?? "")" }
    }

    private func answers(_ all: ContenderMachine.Answer..., over connections: [Int] = []) -> PipelineAnswers {
        var answers = PipelineAnswers(count: all.count)
        for (index, answer) in all.enumerated() {
            answers.add(answer, at: index, over: connections.isEmpty ? 1 : connections[index])
        }
        return answers
    }

    private func stat(_ czxid: Int64) -> ZNodeStat {
        let zxid = Zxid(rawValue: czxid)
        return ZNodeStat(
            czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: 0, mtime: 0, version: 0, cversion: 0, aversion: 0,
            ephemeralOwner: SessionID(rawValue: 1), dataLength: 0, numChildren: 0)
    }

    private func names(_ names: String...) -> ContenderMachine.Answer {
        .success(.children(ChildNames(names), stat(1)))
    }

    private func node(_ czxid: Int64) -> ContenderMachine.Answer { .success(.node(ZNode(data: [], stat: stat(czxid)))) }

    // MARK: Requests

    @Test func everyActionIsOnePipeline() {
        #expect(texts(.probe) == ["children /a/b"])
        #expect(texts(.list(syncs: false)) == ["children /a/b"])
        #expect(texts(.list(syncs: true)) == ["sync /a/b", "children /a/b"])
        #expect(texts(.watch(blocker: "x", second: "y", own: "z")) == ["get /a/b/x", "get /a/b/y", "get /a/b/z"])
        #expect(texts(.relist(own: "z")) == ["children /a/b", "get /a/b/z"])
        #expect(texts(.check("z")) == ["exists /a/b/z"])
        #expect(texts(.enqueue(guid: "g", createsParents: false)) == ["create /a/b/_c_g-lock-", "children /a/b"])
        #expect(
            texts(.enqueue(guid: "g", createsParents: true))
                == ["create /a", "create /a/b", "create /a/b/_c_g-lock-", "children /a/b"])
        #expect(texts(.delete("z")) == [], "that is the janitor's")
    }

    @Test func anExchangeIsOneTransaction() throws {
        let requests = Action.enqueue(guid: "g", createsParents: false, replacing: "old").requests(in: context)
        #expect(requests.map(\.action.name) == ["transaction", "children"])
        let create = TransactionStep.Action.create(data: [7], mode: .ephemeralSequential, accessControl: .creatorAll)
        #expect(
            requests[0].action
                == .transaction([
                    TransactionStep("/a/b/old", .delete(version: -1)), TransactionStep("/a/b/_c_g-lock-", create),
                ]))
    }

    @Test func theSecondWatchCanBeLeftOut() {
        #expect(Action.watch(blocker: "x", second: "y").withoutSecond == .watch(blocker: "x"))
        #expect(texts(Action.watch(second: "y").withoutSecond) == [])
        #expect(Action.relist(own: "z").withoutSecond == .relist(own: "z"))
    }

    @Test func watchesAreSetByTheReads() {
        #expect(Action.watch(blocker: "x", own: "z").watchedNodes == [.blocker("x"), .own("z")])
        #expect(Action.relist(own: "z").watchedNodes == [nil, .own("z")])
        #expect(Action.check("z").watchedNodes == [])
        #expect(WatchedNode.blocker("y").replaces(.second("y")), "the second has become the nearest")
        #expect(!WatchedNode.blocker("x").replaces(.second("y")))
        #expect(!WatchedNode.own("x").replaces(.blocker("x")))
    }

    // MARK: Answers

    @Test func aCreateTellsItsNameAndItsTransaction() {
        let event = Action.enqueue(guid: "g", createsParents: false).event(
            from: answers(.success(.created(path: "/a/b/n", stat: stat(5))), names("n")))
        #expect(
            event
                == .enqueued(
                    create: .success(.init(name: "n", czxid: Zxid(rawValue: 5))), list: .success(["n"]), parents: nil,
                    connection: 1))
    }

    @Test func anExchangeDoesNotTellItsTransaction() {
        let event = Action.enqueue(guid: "g", createsParents: false, replacing: "old").event(
            from: answers(.success(.transaction([.done, .created(path: "/a/b/n", stat: nil)])), names("n")))
        #expect(
            event
                == .enqueued(
                    create: .success(.init(name: "n", czxid: nil)), list: .success(["n"]), parents: nil, connection: 1))
    }

    /// The servers look at permissions first: an ancestor that may not be created may well be there.
    @Test func theParentThatIsMissedIsTheReason() {
        let action = Action.enqueue(guid: "g", createsParents: true)
        let noAuth = Failure(.noAuth, .refused)
        func parents(_ answers: PipelineAnswers) -> Failure? {
            guard case .enqueued(_, _, let parents, _) = action.event(from: answers) else { return nil }
            return parents
        }
        let isThere = Failure(.nodeExists, .refused)
        #expect(
            parents(answers(.failure(noAuth), .failure(noNode), .failure(noNode), .failure(noNode))) == noAuth)
        #expect(
            parents(answers(.failure(noAuth), .failure(noAuth), .failure(noNode), .failure(noNode))) == noAuth)
        #expect(
            parents(
                answers(
                    .failure(noAuth), .failure(isThere), .success(.created(path: "/a/b/n", stat: stat(5))), names("n")))
                == nil)
    }

    @Test func aListCountsOnlyBehindItsSync() {
        let action = Action.list(syncs: true)
        let broken = ContenderMachine.Event.listed(.failure(.init(.connectionLoss, .notSent)), connection: 2)
        #expect(
            action.event(from: answers(.success(.done), names("n"), over: [2, 2]))
                == .listed(.success(["n"]), connection: 2))
        #expect(action.event(from: answers(.success(.done), names("n"), over: [1, 2])) == broken)
        var reversed = PipelineAnswers(count: 2)
        reversed.add(names("n"), at: 1, over: 2)
        #expect(!reversed.isComplete)
        reversed.add(.success(.done), at: 0, over: 2)
        #expect(action.event(from: reversed) == broken, "the sync was sent again")
        #expect(
            action.event(from: answers(.failure(lost), .failure(lost))) == .listed(.failure(lost), connection: 1))
    }

    @Test func readsTellTheTransactionsOfTheirNodes() {
        let zxid = Zxid(rawValue: 5)
        #expect(
            Action.watch(blocker: "x", second: "y").event(from: answers(node(5), .failure(noNode)))
                == .watched(blocker: .success(zxid), second: .failure(noNode), connection: 1))
        #expect(
            Action.watch(second: "y", own: "z").event(from: answers(.failure(noNode), node(5)))
                == .watched(second: .failure(noNode), own: .success(zxid), connection: 1))
        #expect(
            Action.relist(own: "z").event(from: answers(names("x"), node(5), over: [1, 2]))
                == .relisted(.success(["x"]), own: .success(zxid), connection: 2))
    }

    @Test func aCheckTellsWhetherTheNodeIsThere() {
        let action = Action.check("z")
        #expect(action.event(from: answers(.success(.stat(stat(5))))) == .checked(.success(true)))
        #expect(action.event(from: answers(.failure(noNode))) == .checked(.success(false)))
        #expect(action.event(from: answers(.failure(lost))) == .checked(.failure(lost)))
    }

    @Test func anAnswerToSomethingElseIsAFailure() {
        #expect(
            Action.probe.event(from: answers(node(5))) == .probed(.failure(Failure(.protocolViolation, .unknown))))
    }
}
