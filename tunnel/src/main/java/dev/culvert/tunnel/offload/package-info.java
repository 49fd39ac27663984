// SPDX-License-Identifier: Apache-2.0
/** TCP and UDP segmentation and coalescing: virtio-net super-packets to trains and back. */
@NullMarked
package dev.culvert.tunnel.offload;

import org.jspecify.annotations.NullMarked;
