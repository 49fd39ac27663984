// SPDX-License-Identifier: Apache-2.0
/** Tools for long-running parts: threads whose death is reported. */
@NullMarked
package dev.culvert.tunnel.runtime;

import org.jspecify.annotations.NullMarked;
