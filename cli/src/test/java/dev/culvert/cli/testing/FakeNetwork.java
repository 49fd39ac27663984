package dev.culvert.cli.testing;

import dev.culvert.cli.config.InterfaceAddress;
import dev.culvert.cli.daemon.Network;
import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Writes down what it is asked for; fails on demand. */
public final class FakeNetwork implements Network {
  private final List<String> calls = new ArrayList<>();
  private boolean failing;

  /** Every call, as in {@code route cv0 [10.0.0.0/24]}. */
  public List<String> calls() {
    return List.copyOf(calls);
  }

  public void clear() {
    calls.clear();
  }

  /** Whether routes are refused from now on. */
  public void failing(boolean fails) {
    failing = fails;
  }

  public void note(String call) {
    calls.add(call);
  }

  @Override
  public void guard(Collection<Prefix> prefixes) {
    note("guard " + prefixes);
  }

  @Override
  public void unguard(Collection<Prefix> prefixes) {
    note("unguard " + prefixes);
  }

  @Override
  public void configureLink(
      String interfaceName,
      int mtu,
      Collection<InterfaceAddress> added,
      Collection<InterfaceAddress> removed) {
    note("link " + interfaceName + " " + mtu + " +" + added + " -" + removed);
  }

  @Override
  public void route(String interfaceName, Collection<Prefix> prefixes) throws IOException {
    if (failing) {
      throw new IOException("no routes today");
    }
    note("route " + interfaceName + " " + prefixes);
  }

  @Override
  public void unroute(String interfaceName, Collection<Prefix> prefixes) {
    note("unroute " + interfaceName + " " + prefixes);
  }
}
