// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The addresses whose packets an SA carries: inner addresses on our side and on the peer's (RFC
 * 4301 section 4.4.1.1). Immutable; one value serves all SAs of a peer.
 */
public final class Selectors {
  private static final List<Prefix> EVERYTHING =
      List.of(Prefix.parse("0.0.0.0/0"), Prefix.parse("::/0"));

  /** All addresses behind either end. */
  public static final Selectors ANY = new Selectors(EVERYTHING, EVERYTHING);

  private final List<Prefix> local;
  private final List<Prefix> remote;
  private final PrefixTable<Boolean> localTable;
  private final PrefixTable<Boolean> remoteTable;

  /**
   * @param local inner addresses behind this end; {@code 0.0.0.0/0} and {@code ::/0} for any
   * @param remote inner addresses behind the peer
   */
  public Selectors(Collection<Prefix> local, Collection<Prefix> remote) {
    this.local = local.stream().distinct().sorted().toList();
    this.remote = remote.stream().distinct().sorted().toList();
    localTable = table(this.local);
    remoteTable = table(this.remote);
  }

  private static PrefixTable<Boolean> table(List<Prefix> prefixes) {
    Map<Prefix, Boolean> map = new HashMap<>();
    prefixes.forEach(prefix -> map.put(prefix, true));
    return PrefixTable.of(map);
  }

  /** The ranges behind this end: sorted, each once. */
  public List<Prefix> local() {
    return local;
  }

  /** The ranges behind the peer: sorted, each once. */
  public List<Prefix> remote() {
    return remote;
  }

  public void save(StateWriter out) {
    out.list(local, out::prefix).list(remote, out::prefix);
  }

  public static Selectors read(StateReader in) throws StateException {
    List<Prefix> local = in.list(in::prefix);
    List<Prefix> remote = in.list(in::prefix);
    return local.equals(ANY.local) && remote.equals(ANY.remote)
        ? ANY
        : new Selectors(local, remote);
  }

  boolean isLocal4(int address) {
    return localTable.lookup4(address) != null;
  }

  boolean isLocal6(long high, long low) {
    return localTable.lookup6(high, low) != null;
  }

  boolean isRemote4(int address) {
    return remoteTable.lookup4(address) != null;
  }

  boolean isRemote6(long high, long low) {
    return remoteTable.lookup6(high, low) != null;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Selectors that
        && local.equals(that.local)
        && remote.equals(that.remote);
  }

  @Override
  public int hashCode() {
    return 31 * local.hashCode() + remote.hashCode();
  }

  @Override
  public String toString() {
    return local + " <-> " + remote;
  }
}
