package dev.culvert.tunnel.engine;

/** Packets dropped, by reason. */
public final class DropCounters extends Counters<DropReason> {
  public DropCounters() {
    super(DropReason.class);
  }
}
