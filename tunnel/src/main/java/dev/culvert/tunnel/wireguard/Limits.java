// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

/**
 * The numbers of packets that one key may seal: the paper's values, except in tests. Both unsigned.
 *
 * @param rekeyAfterMessages counters beyond which a new handshake is begun
 * @param rejectAfterMessages the first counter that is never used nor accepted
 */
record Limits(long rekeyAfterMessages, long rejectAfterMessages) {
  static final Limits OF_THE_PAPER =
      new Limits(DataMessages.REKEY_AFTER_MESSAGES, DataMessages.REJECT_AFTER_MESSAGES);
}
