// SPDX-License-Identifier: Apache-2.0
/** The JSON socket beside the UAPI: what it says, and both ends of it. */
@NullMarked
package dev.culvert.daemon.admin;

import org.jspecify.annotations.NullMarked;
