// SPDX-License-Identifier: Apache-2.0
/**
 * ChaCha20-Poly1305 over trains with {@code jdk.incubator.vector}, in vectors of 512 bits.
 *
 * <p>A train of small packets is cheap because lanes do not care whose block they compute. The
 * cipher has 16 lanes of 32 bits with one block per lane. One state makes the blocks 0 of up to 16
 * packets, which are their Poly1305 keys. Then the blocks that encipher are laid out as one
 * sequence, packet after packet, and two states make a pass of 32. Here for 16 packets of 1420
 * bytes (p3.b2: block 2 of packet 3):
 *
 * <pre>
 *                       lane 0   lane 1   lane 2         lane 15
 * keys                   p0.b0    p1.b0    p2.b0   ...    p15.b0
 * pass 1  first state    p0.b1    p0.b2    p0.b3   ...    p0.b16
 *         second state  p0.b17   p0.b18   p0.b19   ...    p1.b9     p0.b23, its last, has 12 bytes
 * pass 2  first state   p1.b10   p1.b11   p1.b12   ...    p2.b2
 *
 * state:  word 0  [ lane 0 | lane 1 | ... | lane 15 ]  constants
 *         ...                                          key
 *         word 12 [   0        0      ...     0     ]  block number   } differ
 *         word 14 [ nonce    nonce+1  ...  nonce+15 ]  packet counter } by lane
 *                     |
 *                     transposed: one block in one vector, XORed onto 64 bytes of its packet
 *
 * Poly1305: eight packets, one a lane
 *   block 0  [ p0 | p1 | ... | p7 ] * r
 *   block 1  [ p0 | p1 | ... | p7 ] * r
 *   ...      eight tags
 * </pre>
 *
 * <p>Packets that do not fill lanes, one or two at the end of a train or of another length than the
 * others, are sealed and opened by another cipher.
 *
 * <p>The kernels ({@link dev.culvert.crypto.vector.ChaCha20}, {@link
 * dev.culvert.crypto.vector.Poly1305}) meet in heap arrays; only packets are reached through memory
 * segments. Speed depends on one thing: no vector may become an object. That would cost more than
 * all the rest, and only allocation figures would show it. Hence these rules:
 *
 * <ul>
 *   <li>A kernel is small enough for the JVM's first compiler, else it stays interpreted.
 *   <li>A large kernel calls no helper: beyond some size the second compiler does not inline it.
 *   <li>No vector and no mask stands in a signature, not even of a helper of one line: once the
 *       second compiler stops inlining into a caller, it makes real calls, and those box vectors.
 *       The vector library's own methods are exempt from that limit.
 *   <li>Memory that is loaded as a vector was stored as a vector: a store in pieces stalls the
 *       load.
 * </ul>
 *
 * <p>Gateways also forbid the JVM to inline methods of this package into each other ({@code
 * bin/jvm/ciphers}): each is then compiled once, and always to the same code.
 *
 * <p>No branch and no index depends on a key or on a packet's contents.
 */
@NullMarked
package dev.culvert.crypto.vector;

import org.jspecify.annotations.NullMarked;
