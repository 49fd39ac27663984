// SPDX-License-Identifier: Apache-2.0
/** The JSON socket beside the UAPI: its messages, its server and its client. */
@NullMarked
package dev.culvert.daemon.admin;

import org.jspecify.annotations.NullMarked;
