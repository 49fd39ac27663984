// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceSnapshot.PeerSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The smallest update that turns a running device into the wanted one, as {@code wg syncconf} makes
 * it: peers that stay keep their sessions. Unlike with {@code wg syncconf}, a peer that was learnt
 * to be elsewhere stays there until the wanted endpoint changes, or it may not be there any more.
 */
public final class DeviceDiff {
  private DeviceDiff() {}

  /**
   * The update that turns {@code now} into {@code wanted}.
   *
   * @param now the device as it is
   * @param listenPort the port that is bound now
   * @param fwmark the mark that is set now
   * @param before the endpoints that were wanted last, by peer
   * @param wanted every peer with all of its settings, as {@link DesiredState} makes it
   * @return an update that shares its secrets with {@code wanted}
   */
  public static DeviceUpdate between(
      DeviceSnapshot now,
      int listenPort,
      int fwmark,
      Map<PublicKey, Endpoint> before,
      DeviceUpdate wanted) {
    Map<PublicKey, PeerSnapshot> present = new LinkedHashMap<>();
    now.peers().forEach(peer -> present.put(peer.publicKey(), peer));
    List<PeerUpdate> changed = new ArrayList<>();
    for (PeerUpdate peer : wanted.peers()) {
      PeerSnapshot is = present.remove(peer.publicKey());
      PeerUpdate change = is == null ? peer : change(is, before.get(peer.publicKey()), peer);
      if (change != null) {
        changed.add(change);
      }
    }
    List<PeerUpdate> all = new ArrayList<>();
    present.keySet().forEach(gone -> all.add(removal(gone))); // first: their ranges may move
    all.addAll(changed);
    return new DeviceUpdate(
        unlessSame(wanted.privateKey(), now.privateKey()),
        wanted.listenPort().orElse(0) == 0
            ? OptionalInt.empty()
            : unlessSame(wanted.listenPort(), listenPort),
        unlessSame(wanted.fwmark(), fwmark),
        false,
        all);
  }

  /** Whether {@code update} changes nothing. */
  public static boolean isEmpty(DeviceUpdate update) {
    return update.privateKey() == null
        && update.listenPort().isEmpty()
        && update.fwmark().isEmpty()
        && !update.replacePeers()
        && update.peers().isEmpty();
  }

  /** The update that takes a peer away. */
  public static PeerUpdate removal(PublicKey key) {
    return new PeerUpdate(key, true, false, null, null, OptionalInt.empty(), false, List.of());
  }

  private static @Nullable PeerUpdate change(
      PeerSnapshot is, @Nullable Endpoint wantedBefore, PeerUpdate wanted) {
    Set<Prefix> ranges =
        wanted.allowedIps().stream()
            .map(PeerUpdate.AllowedIpChange::prefix)
            .collect(Collectors.toSet());
    boolean sameRanges = ranges.equals(new HashSet<>(is.allowedIps()));
    PeerUpdate change =
        new PeerUpdate(
            wanted.publicKey(),
            false,
            false,
            unlessSame(wanted.presharedKey(), is.presharedKey()),
            endpoint(is.endpoint(), wantedBefore, wanted),
            unlessSame(wanted.addresses(), is.addresses()),
            unlessSame(wanted.persistentKeepalive(), is.persistentKeepalive()),
            !sameRanges,
            sameRanges ? List.of() : wanted.allowedIps());
    boolean nothing =
        sameRanges
            && change.presharedKey() == null
            && change.endpoint() == null
            && change.addresses() == null
            && change.persistentKeepalive().isEmpty();
    return nothing ? null : change;
  }

  private static @Nullable SecretBytes unlessSame(
      @Nullable SecretBytes wanted, @Nullable SecretBytes now) {
    return wanted != null && now != null && wanted.equals(now) ? null : wanted;
  }

  private static @Nullable Set<IpAddress> unlessSame(
      @Nullable Set<IpAddress> wanted, Set<IpAddress> now) {
    return now.equals(wanted) ? null : wanted;
  }

  private static OptionalInt unlessSame(OptionalInt wanted, int now) {
    return wanted.isPresent() && wanted.getAsInt() == now ? OptionalInt.empty() : wanted;
  }

  /** The peer's new endpoint, or null if it keeps the present one. */
  private static @Nullable Endpoint endpoint(
      @Nullable Endpoint is, @Nullable Endpoint wantedBefore, PeerUpdate peer) {
    Endpoint wanted = peer.endpoint();
    if (wanted == null || wanted.isSamePlace(is)) {
      return null;
    }
    boolean stays = is != null && wanted.isSamePlace(wantedBefore) && mayBeAt(peer, is);
    return stays ? null : wanted;
  }

  private static boolean mayBeAt(PeerUpdate peer, Endpoint at) {
    Set<IpAddress> only = peer.addresses();
    return only == null || only.isEmpty() || only.contains(at.address());
  }
}
