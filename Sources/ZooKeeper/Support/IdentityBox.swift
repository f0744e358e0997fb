// SPDX-License-Identifier: Apache-2.0

/// A value in a structure that can be compared, which itself cannot be: two boxes are equal if they are the same one.
final class IdentityBox<Value: Sendable>: Sendable, Hashable {
    let value: Value

    init(_ value: Value) { self.value = value }

    static func == (left: IdentityBox, right: IdentityBox) -> Bool { left === right }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
