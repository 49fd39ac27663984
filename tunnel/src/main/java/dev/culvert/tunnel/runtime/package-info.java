// SPDX-License-Identifier: Apache-2.0
/** Tools for long-running parts: logs with a bound, and threads whose death is reported. */
@NullMarked
package dev.culvert.tunnel.runtime;

import org.jspecify.annotations.NullMarked;
