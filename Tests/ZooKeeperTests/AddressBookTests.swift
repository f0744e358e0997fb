// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

/// When the names of the servers are asked for again, and when a session moves to other addresses.
@Suite struct AddressBookTests {
    private let start = Moment(nanoseconds: 1_000_000_000_000)
    private let timeout = Duration.seconds(6)

    private func at(_ milliseconds: Int) -> Moment { start + .milliseconds(milliseconds) }

    /// One that is connected to `addresses`.
    private func connected(_ addresses: [String]) -> AddressBook {
        var book = AddressBook()
        #expect(book.open(at: start) == [.resolve])
        #expect(book.resolved(addresses, at: start, timeout: timeout) == [.connect(addresses)])
        book.connecting(at: start)
        book.connected()
        #expect(book.nextTick(timeout: timeout) == nil, "a connected session asks for nothing")
        return book
    }

    private func found(_ book: inout AddressBook, _ serving: [String], at milliseconds: Int) -> [AddressBook.Action] {
        book.found(serving: serving, at: at(milliseconds), timeout: timeout)
    }

    @Test func aLostConnectionAsksForTheNamesAtOnceAndThenEverySecond() {
        var book = connected(["1:1"])
        #expect(book.disconnected(at: at(5_000)) == [.resolve])
        #expect(book.nextTick(timeout: timeout) == nil, "an answer is waited for, however long it takes")
        #expect(book.notResolved("no") == [])
        #expect(book.nextTick(timeout: timeout) == at(6_000))
        #expect(book.tick(at: at(6_000), timeout: timeout) == [.resolve])
        #expect(book.resolved(["1:1"], at: at(6_100), timeout: timeout) == [])
        #expect(book.tick(at: at(6_900), timeout: timeout) == [])
        #expect(book.tick(at: at(7_000), timeout: timeout) == [.resolve])
    }

    @Test func connectionsThatAreLostAgainAndAgainDoNotAskMoreOften() {
        var book = connected(["1:1"])
        #expect(book.disconnected(at: at(5_000)) == [.resolve])
        #expect(book.resolved(["1:1"], at: at(5_010), timeout: timeout) == [])
        for moment in [5_100, 5_200, 5_300] {
            book.connected()
            #expect(book.disconnected(at: at(moment)) == [])
        }
        #expect(book.nextTick(timeout: timeout) == at(6_000))
    }

    @Test func otherAddressesAreTriedAfterASixthOfTheTimeout() {
        var book = connected(["1:1", "2:1"])
        _ = book.disconnected(at: at(5_000))
        #expect(book.resolved(["3:1", "2:1"], at: at(5_010), timeout: timeout) == [])
        #expect(book.tick(at: at(5_900), timeout: timeout) == [])
        #expect(book.tick(at: at(6_000), timeout: timeout) == [.resolve, .connect(["3:1", "2:1"])])
        #expect(book.tick(at: at(7_000), timeout: timeout) == [], "it is being done")
        book.connecting(at: at(7_000))
        book.connected()
        #expect(book.nextTick(timeout: timeout) == nil)
    }

    @Test func anAnswerThatComesLateCountsAtOnce() {
        var book = connected(["1:1"])
        _ = book.disconnected(at: at(5_000))
        #expect(book.tick(at: at(8_000), timeout: timeout) == [])
        #expect(book.resolved(["2:1"], at: at(8_500), timeout: timeout) == [.connect(["2:1"])])
    }

    @Test func theSameAddressesInAnotherOrderAreNoMove() {
        var book = connected(["1:1", "2:1"])
        _ = book.disconnected(at: at(5_000))
        #expect(book.resolved(["2:1", "1:1"], at: at(5_010), timeout: timeout) == [])
        #expect(book.tick(at: at(6_990), timeout: timeout) == [.resolve])
        #expect(found(&book, ["1:1"], at: 7_000) == [.reorder(["1:1", "2:1"])], "a handle begins with the first")
    }

    /// Two thirds of the time-out are the C client's limit for one address.
    @Test func anAddressThatServesComesBeforeThoseThatHang() {
        var book = connected(["1:1", "2:1", "3:1"])
        #expect(found(&book, ["3:1"], at: 4_000) == [], "it has a connection")
        _ = book.disconnected(at: at(5_000))
        #expect(found(&book, [], at: 6_000) == [])
        #expect(found(&book, ["3:1"], at: 6_000) == [.reorder(["3:1", "1:1", "2:1"])])
        #expect(found(&book, ["2:1"], at: 6_100) == [], "it is being done")
        book.kept(["1:1", "2:1", "3:1"], at: at(7_100))
        #expect(book.used == ["1:1", "2:1", "3:1"], "the handle tries what it has been given")
        #expect(found(&book, ["2:1"], at: 7_200) == [.reorder(["2:1", "1:1", "3:1"])])
        book.connecting(at: at(9_100))
        #expect(found(&book, ["2:1"], at: 15_000) == [], "a handshake may be slow")
        #expect(found(&book, ["2:1"], at: 15_100) == [.reorder(["2:1", "1:1", "3:1"])])
        book.connecting(at: at(15_200))
        book.connected()
        #expect(book.nextTick(timeout: timeout) == nil)
        _ = book.disconnected(at: at(16_000))
        #expect(found(&book, ["3:1"], at: 16_100) == [.reorder(["3:1", "2:1", "1:1"])], "that is over")
    }

    @Test func aSecondMoveLeavesTimeForAHandshake() {
        var book = connected(["1:1"])
        _ = book.disconnected(at: at(5_000))
        #expect(book.resolved(["2:1"], at: at(6_000), timeout: timeout) == [.connect(["2:1"])])
        book.connecting(at: at(6_100))
        #expect(book.resolved(["3:1"], at: at(8_000), timeout: timeout) == [])
        #expect(book.tick(at: at(8_000), timeout: timeout) == [.resolve])
        #expect(book.tick(at: at(8_100), timeout: timeout).contains(.connect(["3:1"])))
    }

    /// The old addresses are tried still: the names stand for others.
    @Test func aHandleThatGoesOnKeepsItsAddresses() {
        var book = connected(["1:1"])
        _ = book.disconnected(at: at(5_000))
        #expect(book.resolved(["2:1"], at: at(6_000), timeout: timeout) == [.connect(["2:1"])])
        book.kept(["1:1"], at: at(6_100))
        book.connected()
        _ = book.disconnected(at: at(9_000))
        #expect(book.tick(at: at(10_000), timeout: timeout).contains(.connect(["2:1"])))
    }

    @Test func aSingleAddressIsWaitedFor() {
        var book = connected(["1:1"])
        _ = book.disconnected(at: at(5_000))
        _ = book.resolved(["1:1"], at: at(5_010), timeout: timeout)
        #expect(book.tick(at: at(20_000), timeout: timeout) == [.resolve])
        #expect(found(&book, ["1:1"], at: 20_000) == [])
    }

    @Test func withoutAnyAddressItGivesUpAtTheStartOnly() {
        var book = AddressBook()
        _ = book.open(at: start)
        #expect(book.notResolved("no such host") == [.giveUp("no such host")])
        var other = connected(["1:1"])
        _ = other.disconnected(at: at(5_000))
        #expect(other.notResolved("no such host") == [])
    }

    /// A handle that could not be made is made again, for the session may live.
    @Test func aHandleThatCannotBeMadeIsTriedAgain() {
        var book = connected(["1:1"])
        _ = book.disconnected(at: at(5_000))
        _ = book.resolved(["2:1"], at: at(6_000), timeout: timeout)
        book.kept([], at: at(6_100))
        #expect(book.nextTick(timeout: timeout) != nil)
        #expect(book.notResolved("too many files are open") == [], "there are addresses to go on with")
        #expect(book.tick(at: at(7_100), timeout: timeout).contains(.connect(["2:1"])))
    }
}
