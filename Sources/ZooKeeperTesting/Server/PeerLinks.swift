// SPDX-License-Identifier: Apache-2.0

/// The links of an ensemble: from each server to the quorum port and the election port of each other server.
struct PeerLinks: Sendable {
    private struct Pair: Sendable {
        let quorum: PeerLink
        let election: PeerLink
    }

    private let quorumPorts: [Int]
    private let electionPorts: [Int]
    /// The links by connecting server and target; `nil` where they are the same.
    private let links: [[Pair?]]

    init(quorumPorts: [Int], electionPorts: [Int]) throws(TestKitError) {
        self.quorumPorts = quorumPorts
        self.electionPorts = electionPorts
        var links: [[Pair?]] = []
        for source in quorumPorts.indices {
            var row: [Pair?] = []
            for target in quorumPorts.indices {
                guard source != target else {
                    row.append(nil)
                    continue
                }
                row.append(
                    Pair(
                        quorum: try PeerLink(to: quorumPorts[target], waits: true),
                        election: try PeerLink(to: electionPorts[target], waits: false)))
            }
            links.append(row)
        }
        self.links = links
        for source in links.indices {
            for target in links.indices {
                links[source][target]?.quorum.start()
                links[source][target]?.election.start(returnPort: links[target][source]?.election.port)
            }
        }
    }

    var all: [PeerLink] { links.flatMap { $0 }.compactMap { $0 }.flatMap { [$0.quorum, $0.election] } }

    /// Returns the links between two servers, in both directions.
    func between(_ one: Int, _ other: Int) -> [PeerLink] {
        [links[one][other], links[other][one]].compactMap { $0 }.flatMap { [$0.quorum, $0.election] }
    }

    func close() { all.forEach { $0.close() } }

    /// Returns the settings of one server: its own ports, and in place of the others' ports those of the links to them.
    func configuration(of index: Int, _ base: ServerConfiguration) -> ServerConfiguration {
        var configuration = base
        configuration.myID = index + 1
        var properties = ["initLimit": "20", "syncLimit": "10"]
        for other in links.indices {
            let (quorum, election) =
                links[index][other].map { ($0.quorum.port, $0.election.port) } ?? (
                    quorumPorts[index], electionPorts[index]
                )
            properties["server.\(other + 1)"] = "127.0.0.1:\(quorum):\(election)"
        }
        configuration.properties.merge(properties) { given, _ in given }
        // Servers that look for a leader ask each other often enough for a test.
        configuration.systemProperties.merge(["zookeeper.fastleader.maxNotificationInterval": "500"]) { given, _ in
            given
        }
        return configuration
    }
}
