/** The contract of a tunnelling protocol, and what all engines share. Sans-I/O. */
@NullMarked
package dev.culvert.tunnel.engine;

import org.jspecify.annotations.NullMarked;
