// SPDX-License-Identifier: Apache-2.0

// Nothing to call: this library is preloaded.
