// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// The tables of the article about observability say what the sources do.
@Suite struct ObservabilityArticleTests {
    @Test func logKeys() throws {
        let source = try Article.source("Sources/ZooKeeper/Support/LogKeys.swift")
        let keys = source.matches(of: /"(zookeeper\.[A-Za-z.]+)"/).map { String($0.1) }
        #expect(keys.count > 20)
        #expect(Set(keys).count == keys.count)
        #expect(try Article.table("Log keys").sorted() == keys.sorted())
    }

    @Test func metrics() throws {
        let rows = try Article.rows("Metrics")
        #expect(rows.map { $0[0] }.sorted() == MetricName.allCases.map(\.rawValue).sorted())
        for row in rows {
            let labels = MetricName(rawValue: row[0])?.labels.map(\.rawValue) ?? []
            #expect(row[2] == labels.joined(separator: ", "), "\(row[0])")
        }
    }

    @Test func labels() throws {
        let rows = try Article.rows("Labels")
        #expect(rows.map { $0[0] } == MetricLabel.allCases.map(\.rawValue))
        func expect(_ label: MetricLabel, _ values: [String]) {
            let cell = rows.first { $0[0] == label.rawValue }?[1] ?? ""
            #expect(cell == values.joined(separator: ", "))
        }
        expect(.operation, OperationName.measured.map(\.name))
        expect(.recipe, RecipeName.allCases.map(\.rawValue))
        let reasons: [LossReason] = [
            .expired, .abandoned, .authenticationFailed, .protocolViolation(""), .unreachable(""),
        ]
        expect(.reason, reasons.map(\.label))
    }

    @Test func spans() throws {
        #expect(try Article.table("Spans").filter { $0.hasPrefix("zookeeper.") } == SpanName.allCases.map(\.rawValue))
        #expect(try Article.table("Attributes") == SpanAttributeName.allCases.map(\.rawValue))
    }
}
