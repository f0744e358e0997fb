// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct ErrorTests {
    @Test func aCodeStandsInACatch() {
        do {
            throw ZooKeeperError(.noNode, execution: .refused, path: "/a", operation: "get")
        } catch ZooKeeperError.Code.noNode {
            // As it should be.
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func itsDescriptionSaysWhatAndWhere() {
        let error = ZooKeeperError(.connectionLoss, execution: .unknown, path: "/a", operation: "create")
            .located { $0.generation = 3 }
            .at(file: "Main/main.swift", line: 7)
        #expect(
            "\(error)"
                == "ZooKeeperError.connectionLoss in create /a (it may have been executed) [session 3] "
                + "at Main/main.swift:7")
    }

    @Test func theFirstLocationOfACallIsKept() {
        let error = ZooKeeperError(.closed).at(file: "a", line: 1).at(file: "b", line: 2)
        #expect(error.file == "a")
        #expect(error.line == 1)
    }

    @Test func secretsAreNotShown() {
        let credential = Credential.digest(user: "bob", password: "sesame")
        var configuration: ZooKeeperConfiguration = "a:1"
        configuration.credentials = [credential]
        for text in ["\(credential)", String(reflecting: credential), "\(configuration)"] {
            #expect(!text.contains("sesame"))
            #expect(!text.contains("bob"))
        }
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("115"), "the first byte of the password")
        #expect(!dumped.contains("sesame"))
    }

    @Test func onlyWhatTheLeaderHasSeenProvesTheLeader() {
        let proofs: Set<ResultCode> = [
            .ok, .noNode, .nodeExists, .badVersion, .notEmpty, .noChildrenForEphemerals,
        ]
        for raw in -130...0 {
            let code = ResultCode(rawValue: Int32(raw))
            #expect(code.provesLeader == proofs.contains(code))
            if code.isConnectionLoss { #expect(!code.provesLeader) }
        }
    }

    @Test func everyCodeOfTheProtocolHasAnOutcome() {
        for raw in -130...(-1) {
            let error = ResultCode(rawValue: Int32(raw)).error
            switch ResultCode(rawValue: Int32(raw)) {
            case .connectionLoss, .operationTimeout, .systemError, .runtimeInconsistency, .marshallingError, .tlsError,
                .sessionExpired, .authFailed, .closing:
                #expect(error.execution == .unknown)
            case .invalidState: #expect(error.execution == .notSent)
            default: break
            }
        }
    }
}
