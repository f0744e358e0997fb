// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeperHistory

/// The file of a history: what is recorded is read again, and what is wrong in it is said with its line.
@Suite struct HistoryFileTests {
    private let events = [
        HistoryEvent(at: 1, process: "c0", .invoked(operation: "a", .lock)),
        HistoryEvent(at: 2, process: "c0", .granted(operation: "a", token: "1", node: "n\n\"ä")),
        HistoryEvent(at: 3, process: "c0", .stamped(operation: "a", zxid: .max)),
    ]

    @Test func whatIsRecordedIsReadAgain() async throws {
        try await withTemporaryFile(containing: "an older one", suffix: ".jsonl") { path in
            let recorder = try HistoryRecorder(replacing: path)
            for event in events { try recorder.record(event) }
            let read = try HistoryReader.events(at: path)
            #expect(read == events)
        }
    }

    /// Several recorders append to one file, as those of several processes do, and no line is torn.
    @Test func severalRecordersShareAFile() async throws {
        try await withTemporaryFile(containing: "", suffix: ".jsonl") { path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for process in 0..<8 {
                    group.addTask {
                        let recorder = try HistoryRecorder(appendingTo: path)
                        for number in 0..<200 {
                            try recorder.record("c\(process)", .invoked(operation: "c\(process).\(number)", .lock))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let read = try HistoryReader.events(at: path)
            let operations = Set(read.map { "\($0.process) \($0.kind)" })
            #expect(read.count == 1_600 && operations.count == 1_600)
        }
    }

    @Test(arguments: [
        ("{\"at\":1,\"process\":\"c0\",\"event\":\"invo", "it is not an object of JSON"),
        ("[]", "the line has the wrong type"),
        ("{\"process\":\"c0\",\"event\":\"serves\"}", "the member \"at\" is missing"),
        ("{\"at\":1,\"process\":\"c0\",\"event\":\"dances\"}", "\"dances\" is not the name of an event"),
        ("{\"at\":1,\"process\":\"c0\",\"event\":\"stamped\",\"operation\":\"a\"}", "needs the member \"zxid\""),
        ("{\"at\":\"1\",\"process\":\"c0\",\"event\":\"serves\"}", "the member \"at\" has the wrong type"),
        (
            "{\"at\":1,\"process\":\"c0\",\"event\":\"invoked\",\"operation\":\"a\",\"access\":\"look\"}",
            "the member \"access\" has a value that is not known"
        ),
        ("{\"at\":null,\"process\":\"c0\",\"event\":\"serves\"}", "the member \"at\" is null"),
    ])
    func aBadLineIsToldWithItsNumber(_ line: String, _ reason: String) async throws {
        let text = "{\"at\":1,\"process\":\"s0\",\"event\":\"serves\"}\n\n\(line)\n"
        try await withTemporaryFile(containing: text, suffix: ".jsonl") { path in
            do {
                _ = try HistoryReader.events(at: path)
                Issue.record("it was read")
            } catch HistoryFileError.Code.invalidLine {
                let error = try #require(throws: HistoryFileError.self) { try HistoryReader.events(at: path) }
                #expect(error.line == 3 && error.path == path)
                #expect(error.description.hasPrefix("\(path):3: "), "\(error)")
                #expect(error.description.contains(reason), "\(error)")
            }
        }
        let error = try #require(throws: HistoryFileError.self) { try HistoryReader.events(parsing: text) }
        #expect(error.line == 3 && error.description.hasPrefix("line 3: "), "\(error)")
    }

    @Test func aFileThatIsNotThereIsSaid() {
        let missing = #expect(throws: HistoryFileError.self) { try HistoryReader.events(at: "/nowhere/history.jsonl") }
        #expect(missing?.code == .notReadable && missing?.line == nil)
        let directory = #expect(throws: HistoryFileError.self) {
            try HistoryRecorder(appendingTo: "/nowhere/history.jsonl")
        }
        #expect(directory?.code == .notWritable)
        #expect(directory?.description.hasPrefix("/nowhere/history.jsonl: it cannot be written") == true)
    }

    @Test func aFullDiskIsSaid() throws {
        let recorder = try HistoryRecorder(appendingTo: "/dev/full")
        let error = #expect(throws: HistoryFileError.self) { try recorder.record(HistoryEvent.run, .began(detail: "")) }
        #expect(error?.code == .notWritable && error?.path == "/dev/full")
    }
}
