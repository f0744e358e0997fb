// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

extension Promise.Wait {
    /// The value, if the wait ended with one.
    package var value: Value? {
        if case .value(let value) = self { return value }
        return nil
    }
}
