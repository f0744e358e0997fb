// SPDX-License-Identifier: Apache-2.0

/// Notices connections that are lost again and again: a value without clocks.
package struct ConnectionStorm: Sendable, Hashable {
    /// So many losses within ``window`` are a storm.
    package static let least = 5
    package static let window = Duration.seconds(10)
    /// A storm that goes on is told again after this.
    package static let silence = Duration.seconds(60)

    private var losses: [Moment] = []
    private var toldAt: Moment?

    package init() {}

    /// A connection has been lost.
    ///
    /// - Returns: The number of losses within the window, if an operator should hear of it now.
    package mutating func lost(at now: Moment) -> Int? {
        losses.removeAll { $0 + Self.window < now }
        // More than anybody needs to know.
        if losses.count < 1_000 { losses.append(now) }
        guard losses.count >= Self.least else { return nil }
        if let toldAt, now < toldAt + Self.silence { return nil }
        toldAt = now
        return losses.count
    }
}
