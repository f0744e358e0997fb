// SPDX-License-Identifier: Apache-2.0

#if Configuration
import Configuration

/// A reader of settings that tells a value of the wrong type from a missing one, which `ConfigReader` does not.
struct SettingSource {
    private let reader: ConfigReader

    init(_ reader: ConfigReader) { self.reader = reader }

    func string(_ key: String, isSecret: Bool = false) throws(ZooKeeperError) -> String? {
        try require(reader.string(forKey: ConfigKey(key), isSecret: isSecret), key, "a string", isSecret: isSecret)
    }

    func strings(_ key: String) throws(ZooKeeperError) -> [String]? {
        try require(reader.stringArray(forKey: ConfigKey(key)), key, "a list of strings")
    }

    func int(_ key: String) throws(ZooKeeperError) -> Int? {
        try require(reader.int(forKey: ConfigKey(key)), key, "an integer")
    }

    func bool(_ key: String) throws(ZooKeeperError) -> Bool? {
        try require(reader.bool(forKey: ConfigKey(key)), key, "true or false")
    }

    func milliseconds(_ key: String) throws(ZooKeeperError) -> Duration? {
        try require(reader.int(forKey: ConfigKey(key)), key, "an integer, in milliseconds").map { .milliseconds($0) }
    }

    /// The one credential that can be given so.
    func credential() throws(ZooKeeperError) -> Credential? {
        let (user, password) = try (string("credential.user"), string("credential.password", isSecret: true))
        let (scheme, proof) = try (string("credential.scheme"), string("credential.proof", isSecret: true))
        switch (user, password, scheme, proof) {
        case (nil, nil, nil, nil): return nil
        case (let user?, let password?, nil, nil):
            // The servers end the name at the first colon.
            if user.isEmpty || user.utf8.contains(UInt8(ascii: ":")) {
                throw invalid("credential.user", "must have a character, and no colon")
            }
            return .digest(user: user, password: password)
        case (nil, nil, let scheme?, let proof?):
            if scheme.isEmpty { throw invalid("credential.scheme", "must not be empty") }
            return Credential(scheme: scheme, proof: proof.utf8)
        case (.some, nil, nil, nil): throw invalid("credential.password", "is missing, and credential.user is set")
        case (nil, .some, nil, nil): throw invalid("credential.user", "is missing, and credential.password is set")
        case (nil, nil, .some, nil): throw invalid("credential.proof", "is missing, and credential.scheme is set")
        case (nil, nil, nil, .some): throw invalid("credential.scheme", "is missing, and credential.proof is set")
        default:
            throw invalid(
                "credential", "is either user and password, of the digest scheme, or scheme and proof, and nothing else"
            )
        }
    }

    /// Throws what is wrong with a value under the name of its key.
    func checking<Value>(_ key: String, _ body: () throws -> Value) throws(ZooKeeperError) -> Value {
        do { return try body() } catch {
            throw invalid(key, "is not valid: " + ((error as? ZooKeeperError)?.message ?? "\(error)"))
        }
    }

    func invalid(_ key: String, _ words: String) -> ZooKeeperError {
        ZooKeeperError(.invalidConfiguration, message: "the configuration key \(key) \(words)")
    }

    /// Passes on a value; without one, makes sure that there is none of another type either.
    private func require<Value>(
        _ value: Value?, _ key: String, _ type: String, isSecret: Bool = false
    ) throws(ZooKeeperError) -> Value? {
        if value == nil, isPresent(ConfigKey(key), isSecret) { throw invalid(key, "must be \(type)") }
        return value
    }

    private func isPresent(_ key: ConfigKey, _ isSecret: Bool) -> Bool {
        reader.string(forKey: key, isSecret: isSecret) != nil || reader.int(forKey: key, isSecret: isSecret) != nil
            || reader.double(forKey: key, isSecret: isSecret) != nil
            || reader.bool(forKey: key, isSecret: isSecret) != nil
            || reader.stringArray(forKey: key, isSecret: isSecret) != nil
            || reader.intArray(forKey: key, isSecret: isSecret) != nil
            || reader.doubleArray(forKey: key, isSecret: isSecret) != nil
            || reader.boolArray(forKey: key, isSecret: isSecret) != nil
            || reader.bytes(forKey: key, isSecret: isSecret) != nil
            || reader.byteChunkArray(forKey: key, isSecret: isSecret) != nil
    }
}
#endif
