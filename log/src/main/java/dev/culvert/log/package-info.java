// SPDX-License-Identifier: Apache-2.0
/** Lines of the log: events with stable names, their fields, and the bound on their number. */
@NullMarked
package dev.culvert.log;

import org.jspecify.annotations.NullMarked;
