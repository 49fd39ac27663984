// SPDX-License-Identifier: Apache-2.0
/** {@code culvert capture} and {@code culvert keylog}: packets and secrets for Wireshark. */
@NullMarked
package dev.culvert.cli.command.capture;

import org.jspecify.annotations.NullMarked;
