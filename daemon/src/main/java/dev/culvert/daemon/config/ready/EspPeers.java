// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.routing.EspPolicy;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import dev.culvert.tunnel.esp.Selectors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes the settings of the ESP peers whose endpoints are known. */
public final class EspPeers {
  private final EspConfig esp;
  private final Map<String, EspPolicy> policies;
  private final List<EspPeerSettings> numeric;

  public EspPeers(EspConfig esp, ClusterConfig cluster) throws ConfigException {
    this.esp = esp;
    policies =
        esp.binding() == Binding.SELECTORS ? Map.of() : EspPolicy.of(cluster.map(), cluster.self());
    numeric = settings(Map.of());
  }

  /** The peers whose endpoints are numeric. */
  public List<EspPeerSettings> numeric() {
    return numeric;
  }

  /**
   * The peers whose endpoints are numeric or in {@code places}.
   *
   * @param places the endpoints that names stand for, by the peer's name
   */
  public List<EspPeerSettings> settings(Map<String, Endpoint> places) throws ConfigException {
    List<EspPeerSettings> settings = new ArrayList<>();
    for (EspConfig.Peer peer : esp.peers()) {
      Endpoint numeric = EndpointText.numeric(peer.endpoint());
      Endpoint endpoint = numeric == null ? places.get(peer.name()) : numeric;
      if (endpoint != null) {
        settings.add(settings(peer, endpoint));
      }
    }
    return settings;
  }

  private EspPeerSettings settings(EspConfig.Peer peer, Endpoint endpoint) throws ConfigException {
    IpAddress remote = peer.address() == null ? endpoint.address() : peer.address();
    IpAddress local =
        esp.nodeAddresses().stream()
            .filter(own -> own.v4() == remote.v4())
            .findFirst()
            .orElseThrow(
                () ->
                    peer.endpoint()
                        .place()
                        .error(
                            "this node has no address of the family of "
                                + remote
                                + " (nodeAddresses)"));
    if (local.equals(remote)) {
      throw peer.endpoint().place().error(remote + " is this node's own address");
    }
    EspPolicy policy = policies.get(peer.name());
    return new EspPeerSettings(
        peer.name(),
        local,
        remote,
        endpoint,
        policy == null
            ? new Selectors(esp.localRanges(), peer.allowedIps())
            : new Selectors(policy.local(), policy.remote()),
        esp.binding(),
        peer.natKeepalive(),
        peer.otherAddresses());
  }
}
