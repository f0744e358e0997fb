// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct ClientLifeTests {
    private func running() -> ClientLife {
        var life = ClientLife()
        let isFirst = life.run()
        #expect(isFirst)
        return life
    }

    @Test func runsOnce() {
        var life = running()
        let again = life.run()
        #expect(!again)
        life.stop()
        #expect(!life.opensSessions && life.isClosing)
        let session = life.openSession()
        #expect(session == nil)
        life.finish()
        #expect(life.phase == .stopped)
    }

    @Test func aClientThatNeverRanIsClosedAtOnceAndNeverRuns() {
        var life = ClientLife()
        let nothingIsLeft = life.close()
        #expect(nothingIsLeft)
        let runs = life.run()
        #expect(!runs)
        var other = running()
        let isDone = other.close()
        #expect(!isDone, "its session is to be closed first")
        #expect(other.phase == .stopping)
    }

    /// The pauses between sessions grow while none comes to anything, and one that is lost at once is none.
    @Test func failuresAreCounted() {
        var life = running()
        #expect(life.failures == 0, "the first session is opened without a pause")
        life.sessionEnded(connectedFor: nil)
        life.sessionEnded(connectedFor: .milliseconds(999))
        #expect(life.failures == 2)
        life.sessionEnded(connectedFor: .seconds(1))
        #expect(life.failures == 1, "the next one after the shortest pause")
    }

    @Test func sessionsAreNumberedAndRetireWithTheClient() throws {
        var life = running()
        let opened = life.openSession()
        let first = try #require(opened)
        #expect(first.generation == 1 && !first.isRetiring)
        life.retire()
        #expect(life.isClosing && life.opensSessions, "requests go on")
        let openedNext = life.openSession()
        let second = try #require(openedNext)
        #expect(second.generation == 2 && second.isRetiring)
    }

    @Test func patienceIsThatOfARequestOnceThereWasAConnection() {
        var life = running()
        func patience(least: Duration) -> Duration {
            life.patience(connectTimeout: .seconds(10), requestTimeout: .seconds(3), least: least)
        }
        #expect(patience(least: .seconds(5)) == .seconds(10))
        life.connected()
        #expect(patience(least: .zero) == .seconds(3))
        #expect(patience(least: .seconds(5)) == .seconds(5))
    }

    @Test func aCallerIsToldWhyThereIsNoSession() {
        var life = ClientLife()
        func code(hasCredentials: Bool = false) -> ZooKeeperError.Code {
            life.absence(of: "zk1:2181", hasCredentials: hasCredentials).code
        }
        #expect(code() == .notRunning)
        _ = life.run()
        #expect(code() == .connectTimeout)
        life.note(.unreachable("zk1 cannot be resolved"))
        #expect(life.absence(of: "zk1:2181", hasCredentials: false).message?.contains("cannot be resolved") == true)
        life.connected()
        #expect(code() == .connectionLoss)
        #expect(life.absence(of: "zk1:2181", hasCredentials: false).message == "no new session yet; tried zk1:2181")
        life.note(.authenticationFailed)
        #expect(code() == .authenticationFailed)
        let words = [false, true].map { life.absence(of: "zk1:2181", hasCredentials: $0).message ?? "" }
        #expect(words[0].contains("has no credentials") && words[1].contains("refused"))
        life.finish()
        #expect(code() == .closed)
    }

    @Test func clampedSettingsAreReportedOnce() {
        var life = running()
        let first = life.reportsClamped()
        let second = life.reportsClamped()
        #expect(first && !second)
    }
}
