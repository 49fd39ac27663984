// SPDX-License-Identifier: Apache-2.0
/** TUN queues and UDP sockets: file descriptors on Netty's epoll loop, through jnr-ffi. */
@NullMarked
package dev.culvert.tunnel.port;

import org.jspecify.annotations.NullMarked;
