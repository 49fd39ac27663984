// SPDX-License-Identifier: Apache-2.0
/**
 * The hand-over of a running gateway to another process on the same machine. {@code
 * docs/hot-restart.md} has the argument why no two processes ever send under one key.
 */
@NullMarked
package dev.culvert.daemon.handover;

import org.jspecify.annotations.NullMarked;
