// SPDX-License-Identifier: Apache-2.0
/** Gateways that are handed over from process to process, under traffic and with faults. */
@NullMarked
package dev.culvert.cli.restart;

import org.jspecify.annotations.NullMarked;
