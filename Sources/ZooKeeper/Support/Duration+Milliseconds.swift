// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Whole milliseconds, towards zero; values beyond the range of `Int64` become its bounds.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// This, but at most a hundred years: moments that far away can be computed with.
    package var bounded: Duration { min(self, .seconds(3_155_760_000)) }
}
