// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Queues as JSON.
package enum QueueJSON {
    /// A list of queues.
    package static func list(_ survey: QueueSurvey, at now: Int64, stuckAfter limit: Duration?) -> JSON {
        [
            "path": .string(survey.path.string), "time": .string(time(now)),
            "queues": .array(survey.queues.map { queue($0, at: now, stuckAfter: limit) }),
            "unreadable": .array(survey.unreadable.map { .string($0.string) }),
            "complete": .bool(survey.isComplete),
        ]
    }

    /// One queue.
    package static func queue(_ view: QueueView, at now: Int64, stuckAfter limit: Duration?) -> JSON {
        [
            "path": .string(view.path.string),
            "free": .bool(view.isFree && !view.isSemaphore),
            "kinds": .array(view.groups.map { .string($0.kind.key) }),
            "semaphore": .bool(view.isSemaphore),
            "lastRun": .optional(view.lastRun.map(time)),
            "problems": .array(
                view.problems(stuckAfter: limit, now: now).map { problem in
                    [
                        "problem": .string(problem.key), "node": .optional(problem.node),
                        "text": .string(problem.description),
                    ]
                }),
            "participants": .array(view.entries.map { participant($0, at: now) }),
            "otherChildren": .array(view.otherChildren.map { .string($0) }),
        ]
    }

    /// One participant.
    package static func participant(_ entry: QueueView.Entry, at now: Int64) -> JSON {
        let (state, ahead): (JSON, Int64?) =
            switch entry.state {
            case .holds: ("holds", 0)
            case .waits(let ahead): ("waits", Int64(ahead))
            case .unknown: ("unknown", nil)
            }
        let marker: String? = if case .custom(let marker) = entry.name.kind { marker } else { nil }
        return [
            "node": .string(entry.name.name), "state": state, "ahead": .optional(ahead),
            "joined": .optional(entry.joined.map(time)),
            "age": .optional(entry.age(at: now)?.components.seconds),
            "kind": .string(entry.name.kind.key), "marker": .optional(marker),
            "library": .string(entry.name.library.rawValue), "access": .string(entry.accessText),
            "id": .optional(entry.id), "session": .optional(entry.session?.description),
            "leftover": .bool(entry.isLeftover), "fencingToken": .optional(entry.fencingToken?.description),
            "sequence": .optional(entry.name.sequence), "revocationRequested": .bool(entry.isRevocationRequested),
            "readable": .bool(entry.node.data != nil),
        ]
    }

    /// A change of a queue.
    package static func change(_ change: QueueChange, at now: Int64) -> JSON {
        let participant: JSON = change.entry.map { self.participant($0, at: now) } ?? .null
        return [
            "time": .string(time(now)), "change": .string(change.word), "participant": participant,
            "text": .optional(change.text),
        ]
    }

    private static func time(_ milliseconds: Int64) -> String {
        UTCTime(millisecondsSince1970: milliseconds).description
    }
}
