// SPDX-License-Identifier: Apache-2.0

/// An absolute, valid path of a znode, as seen from the client's chroot.
///
/// The rules are those of the JVM client (`org.apache.zookeeper.common.PathUtils`), so a value of this type is never
/// refused for its form by a server, and never leaves the chroot:
///
/// * it starts with `/` and does not end with one, except the root itself;
/// * no empty component, no `.` and no `..`;
/// * no control characters, no private-use characters, none above U+FFEF (so no emoji).
///
/// A literal is checked when it is evaluated and **traps** if it is wrong; a `String` is checked by ``init(_:)``, which
/// throws. A path cannot be made by interpolation: use ``appending(_:)``, which refuses a component with a `/` in it.
///
/// ```swift
/// let locks: ZNodePath = "/locks"
/// let mine = try locks.appending(customer.id)
/// ```
public struct ZNodePath: Sendable, Hashable {
    /// The path as text, for example `/locks/invoices`.
    public let string: String

    /// The path `/`.
    public static let root = ZNodePath(unchecked: "/")

    /// Checks `string` against the rules above.
    ///
    /// - Throws: ``ZooKeeperError`` with code `invalidPath`, which says what is wrong and where.
    public init(_ string: String) throws {
        try self.init(checking: string)
    }

    /// As ``init(_:)``, with a typed throw.
    package init(checking string: String) throws(ZooKeeperError) {
        if let fault = Self.fault(in: string) {
            throw ZooKeeperError(.invalidPath, path: string, message: fault)
        }
        self.string = string
    }

    package init(unchecked string: String) {
        self.string = string
    }

    /// The path of the child `component` of this node.
    ///
    /// - Throws: ``ZooKeeperError`` with code `invalidPath` if `component` is empty, is `.` or `..`, or has a `/` or a
    ///   character in it that no path may have.
    public func appending(_ component: String) throws -> ZNodePath {
        if component.utf8.contains(UInt8(ascii: "/")) {
            throw ZooKeeperError(.invalidPath, path: component, message: "a path component must not contain '/'")
        }
        return try ZNodePath((isRoot ? "" : string) + "/" + component)
    }

    /// Tells whether this is `/`.
    public var isRoot: Bool { string.utf8.count == 1 }

    /// The last component; empty for the root.
    public var name: String {
        guard let slash = string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return string }
        return String(string[string.utf8.index(after: slash)...])
    }

    /// The path of the parent; `nil` for the root.
    public var parent: ZNodePath? {
        guard !isRoot, let slash = string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return slash == string.startIndex ? .root : ZNodePath(unchecked: String(string[..<slash]))
    }

    /// The parent, its parent and so on, topmost first; without the root.
    public var ancestors: [ZNodePath] {
        var result: [ZNodePath] = []
        var current = parent
        while let path = current, !path.isRoot {
            result.append(path)
            current = path.parent
        }
        return result.reversed()
    }

    /// The same path below another root.
    package func below(_ root: ZNodePath) -> ZNodePath {
        if root.isRoot { return self }
        return isRoot ? root : ZNodePath(unchecked: root.string + string)
    }

    /// The path without `root` in front; the path itself if it is not below that.
    package func relative(to root: ZNodePath) -> ZNodePath {
        guard !root.isRoot, string.utf8.starts(with: root.string.utf8) else { return self }
        let rest = string.utf8.dropFirst(root.string.utf8.count)
        if rest.isEmpty { return .root }
        // Of another node, whose name only begins like the root's.
        return rest.first == UInt8(ascii: "/") ? ZNodePath(unchecked: String(Substring(rest))) : self
    }

    /// A child whose name the server gave, and which therefore needs no check.
    package func child(_ name: String) -> ZNodePath {
        var path = isRoot ? "" : string
        path.reserveCapacity(path.utf8.count + 1 + name.utf8.count)
        path += "/"
        path += name
        return ZNodePath(unchecked: path)
    }
}

extension ZNodePath: ExpressibleByStringLiteral {
    /// A path known when the program is compiled. Traps if it is not valid.
    public init(stringLiteral value: StaticString) {
        let string = value.description
        if let fault = Self.fault(in: string) {
            preconditionFailure("\"\(string)\" is no path of a znode: \(fault)")
        }
        self.string = string
    }
}

// Byte by byte, as ZooKeeper compares them. Swift takes a letter and its decomposed form for equal strings; as paths
// they are two nodes.
extension ZNodePath: Comparable, CustomStringConvertible {
    /// Tells whether both name the same node: a letter and its decomposed form are different here.
    public static func == (left: ZNodePath, right: ZNodePath) -> Bool {
        left.string.hasSameBytes(as: right.string)
    }

    /// The same for equal paths.
    public func hash(into hasher: inout Hasher) { hasher.combine(string) }

    /// Orders paths by their Unicode code points.
    public static func < (left: ZNodePath, right: ZNodePath) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    /// The path as text.
    public var description: String { string }
}

extension ZNodePath {
    /// Finds what is wrong with `string` as a path; `nil` if nothing is. Allocates nothing in that case.
    private static func fault(in string: String) -> String? {
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        // Of the component that is being read; -1 before the first slash.
        var length = -1
        var hasOnlyDots = true
        var isPlain = true
        for byte in string.utf8 {
            if byte == slash {
                if length == 0 { return "a path must not contain '//'" }
                if hasOnlyDots, length == 1 || length == 2 { return relativeComponent }
                length = 0
                hasOnlyDots = true
                continue
            }
            if length < 0 { return "a path must start with '/'" }
            length += 1
            hasOnlyDots = hasOnlyDots && byte == dot
            isPlain = isPlain && (0x20..<0x7F).contains(byte)
        }
        if length < 0 { return "a path must not be empty" }
        if length == 0, string.utf8.count > 1 { return "a path must not end with '/'" }
        if hasOnlyDots, length == 1 || length == 2 { return relativeComponent }
        if !isPlain, let scalar = string.unicodeScalars.first(where: { !isAllowed($0) }) {
            return "a path must not contain the character U+\(String(scalar.value, radix: 16, uppercase: true))"
        }
        return nil
    }

    private static let relativeComponent = "a path must not contain '.' or '..' as a component"

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0xE000...0xF8FF, 0xFFF0...: false
        default: true
        }
    }
}

extension String {
    /// Tells whether both are the same bytes in UTF-8. Strings are also equal whose letters are composed in different
    /// ways.
    package func hasSameBytes(as other: String) -> Bool {
        // Fast, and never wrong when it says no; nor for ASCII, which composes nothing.
        guard self == other else { return false }
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *), utf8Span.isKnownASCII { return true }
        return utf8.elementsEqual(other.utf8)
    }
}
