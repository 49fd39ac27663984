package dev.culvert.tunnel.wireguard;

/** What all peers together may stage: a flood to dead peers must not eat the heap. */
final class StagingBudget {
  private int packets;
  private long bytes;

  synchronized boolean take(int length) {
    if (packets >= Messages.MAX_STAGED || bytes + length > Messages.MAX_STAGED_BYTES) {
      return false;
    }
    packets++;
    bytes += length;
    return true;
  }

  synchronized void giveBack(int length) {
    packets--;
    bytes -= length;
  }
}
