// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.noise.Messages;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Sizes, offsets and limits of data messages (WireGuard paper, sections 5.4.6 and 6.1), in bytes.
 * All integers on the wire are little-endian.
 */
final class DataMessages {
  static final int DATA = 4;
  static final int DATA_RECEIVER = Messages.TYPE + Messages.TYPE_LENGTH;
  static final int DATA_COUNTER = DATA_RECEIVER + Messages.INDEX_LENGTH;
  static final int DATA_HEADER = DATA_COUNTER + 8;
  static final int DATA_OVERHEAD = DATA_HEADER + Messages.TAG_LENGTH;
  static final int PADDING_MULTIPLE = 16;

  static final long REKEY_AFTER_MESSAGES = 1L << 60;
  static final long REJECT_AFTER_MESSAGES = -1L - (1L << 13);

  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private DataMessages() {}
}
