// SPDX-License-Identifier: Apache-2.0

/// The order in which a client tries the servers.
@nonexhaustive
public enum ServerOrder: Sendable, Hashable {
    /// Another one each time, so that clients spread over the servers.
    case random
    /// As they are listed: a server nearby, for example, before one that is far away.
    case fixed
}
