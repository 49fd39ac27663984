// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

/**
 * The events of the log, each with its name as programs see it. Searches and alerts depend on the
 * names: they are declared here and nowhere else. {@code docs/logs.md} is made from this list.
 */
public enum LogEvent {
  GATEWAY_UP("gateway.up", "The gateway moves packets."),
  GATEWAY_STUCK(
      "gateway.stuck",
      "A thread does not answer, so the service manager gets no sign of life and will start the gateway anew."),
  MANAGER_UNTOLD("manager.untold", "The service manager could not be told of the gateway's state."),
  TUNNEL_OPENED("tunnel.opened", "The interface, its lanes and its sockets are open."),
  TUNNEL_REHEARSED(
      "tunnel.rehearsed",
      "The packet path was compiled before there was traffic, partly or as a whole, or could not be."),
  TUNNEL_CLOSED("tunnel.closed", "The interface and its sockets are closed; the guard stays."),
  INTERFACE_CONTINUED(
      "interface.continued",
      "The interface outlived the process before, and goes on with new sessions."),
  INTERFACE_UNUSABLE(
      "interface.unusable",
      "Descriptors that the service manager kept cannot be used, and are given up."),
  TUNNEL_HANGS("tunnel.hangs", "A thread of the tunnel did not end in time."),
  COMMAND_ENDED("command.ended", "The command ended with an error, which the message tells."),
  END_FORCED("process.end-forced", "A part did not end in time, so the process is ended."),
  THREAD_DIED(
      "thread.died",
      "A thread that the gateway depends on has died: the gateway ends, the guard stays."),
  CONFIG_WARNING("config.warning", "A setting works but should be changed."),
  CONFIG_APPLIED("config.applied", "A configuration or a list of nodes is in force now."),
  CONFIG_RELOADED("config.reloaded", "The configuration file was read again and accepted."),
  CONFIG_REFUSED(
      "config.refused",
      "The configuration file was read again and refused; the one before stays in force."),
  HANDOVER_TAKEN("handover.taken", "This process has taken the gateway over from another one."),
  HANDOVER_GIVEN(
      "handover.given", "This process has handed the gateway over to another one, and ends."),
  HANDOVER_FAILED(
      "handover.failed",
      "A hand-over did not take place: the former process goes on, or a new one begins anew."),
  REHEARSED(
      "handover.rehearsed",
      "The packet path was compiled before this process took over, or could not be."),
  UPGRADE_STARTED(
      "upgrade.started",
      "A new process was started, and is to take over; or a line of its output."),
  UPGRADE_FAILED("upgrade.failed", "A new process did not take over; the gateway goes on."),
  NODES_FOLLOWED("nodes.followed", "The nodes changed, and the gateway follows."),
  NODES_REFUSED(
      "nodes.refused",
      "The nodes changed in a way that cannot be followed; those before stay in force."),
  NODES_UNKEPT("nodes.unkept", "The nodes could not be written to disk for the next start."),
  WATCH_FAILED("watch.failed", "A change of a file or of the cluster could not be handled."),
  WATCH_ENDED(
      "watch.ended",
      "A file, the name service or the API is followed no longer, because the gateway ends or the configuration changed."),
  COMMAND_FAILED("command.failed", "A command that was sent to the running gateway failed."),
  KEYS_READ("keys.read", "An administrator reads the session keys."),
  HANDSHAKE_COMPLETED("handshake.completed", "There are new keys with a peer."),
  HANDSHAKE_REFUSED(
      "handshake.refused",
      "A sender that knows this node's public key was refused: it has another identity, key or clock than it should."),
  PEER_STALE("peer.stale", "A peer did not answer for the whole time of the attempts."),
  PEER_MOVED("peer.moved", "A peer sends from another address."),
  PEER_LOOPED("peer.looped", "A route leads packets for a peer's endpoint into the tunnel itself."),
  PEER_FAILED("peer.failed", "A fault in Culvert in the work for one peer. Please report it."),
  OFFLOAD_OFF(
      "offload.off",
      "The kernel damages packets that it is to segment; they are sent one by one for an hour."),
  PACKETS_LOST("packets.lost", "A fault in Culvert that cost packets. Please report it."),
  LANE_FAILED("lane.failed", "A lane cannot go on: the gateway ends, the guard stays."),
  CONTROL_FAILED(
      "control.failed",
      "A fault in Culvert in a turn of the control thread, which goes on. Please report it."),
  LISTENER_FAILED(
      "listener.failed",
      "A fault in Culvert in the handling of news from the kernel. Please report it."),
  KEY_REFUSED("key.refused", "A key was refused, since packets under it would not be safe."),
  KEYS_ENDED("keys.ended", "All keys are made anew."),
  ROTATION_STEP("rotation.step", "A rotation of the global ESP key went a step on."),
  ROTATION_REFUSED("rotation.refused", "The key file cannot be used; the keys before stay."),
  ROTATION_OVERDUE(
      "rotation.overdue",
      "A peer has not published the new global ESP key for longer than the overlap."),
  ROTATION_MISSED(
      "rotation.missed", "A peer publishes a global ESP key that this node does not have."),
  RANGES_DIFFER(
      "ranges.differ",
      "Two ends of ESP are configured for different ranges, so they have no keys."),
  SEQUENCE_LOW("sequence.low", "A manual SA has used three quarters of its sequence numbers."),
  SEQUENCE_REFUSED("sequence.refused", "A manual SA may not send."),
  SEQUENCE_SKIPPED(
      "sequence.skipped", "A manual SA leaves out sequence numbers that another process reserved."),
  TIMESTAMP_UNKEPT(
      "timestamp.unkept", "The newest handshake timestamp could not be written to disk."),
  CIPHER_CHOSEN("cipher.chosen", "The measured ciphers, and the one in use."),
  CIPHER_FAILED("cipher.failed", "A cipher could not be measured; the one before stays."),
  INTERFACE_MOVED(
      "interface.moved",
      "The interface was renamed or moved to another network namespace, and is served there."),
  INTERFACE_GONE(
      "interface.gone",
      "The interface was renamed or moved away: the gateway ends, the guard stays."),
  MTU_CHANGED("mtu.changed", "The tunnel's MTU has changed."),
  MTU_UNKNOWN("mtu.unknown", "The interface's MTU cannot be asked for; the one before stays."),
  IPV6_DROPPED(
      "ipv6.dropped", "The tunnel's MTU is too small for IPv6, whose packets are dropped."),
  SOURCE_UNKNOWN(
      "source.unknown", "The kernel could not be asked for routes and addresses towards peers."),
  NAME_RESOLVED("name.resolved", "A peer's name resolves to other addresses."),
  NAME_UNRESOLVED("name.unresolved", "A peer's name does not resolve; it is asked for again."),
  NAME_SLOW("name.slow", "The name service has not answered in time; it is waited for elsewhere."),
  NAME_FAILED("name.failed", "A fault in Culvert in the look-up of a name. Please report it."),
  GUARD_LOADED("guard.loaded", "How the guard was loaded."),
  GUARD_RESET("guard.reset", "The guard was made anew, and its counters start from 0."),
  GUARD_REPAIRED(
      "guard.repaired", "Another program had changed rules, routes or guard; they are repaired."),
  GUARD_UNREPAIRED(
      "guard.unrepaired", "Rules, routes or guard are not as planned; the repair is tried again."),
  GUARD_DISPUTED(
      "guard.disputed", "Another program changes rules, routes or guard again and again."),
  GUARD_PRIORITY("guard.priority", "Repairs were given the priority of other work."),
  GUARD_UNATTENDED(
      "guard.unattended",
      "Rules, routes and guard are repaired no longer: the gateway ends, the guard stays."),
  GUARD_UNCERTAIN(
      "guard.uncertain", "Rules and guard may not be those of the configuration in force."),
  GUARD_BLIND("guard.blind", "A program or device passes packets around the guard."),
  GUARD_UNWATCHED(
      "guard.unwatched",
      "Programs and devices that pass packets around the guard could not be looked for."),
  GUARD_UNREAD("guard.unread", "The guard's counters could not be read."),
  PLAN_CHANGED("plan.changed", "This machine changed; packets are steered and guarded anew."),
  PLAN_COMPLETED("plan.completed", "A device came, and entries that waited for it were made."),
  PLAN_FAILED("plan.failed", "This machine changed, and rules and guard could not follow."),
  NFT_CLOSED("nft.closed", "nft ended before it had read all of its input."),
  NETLINK_IGNORED("netlink.ignored", "The kernel sent a message that nobody asked for."),
  METRICS_OPENED("metrics.opened", "The address of metrics and health."),
  METRICS_FAILED("metrics.failed", "Metrics and health could not be opened."),
  METRICS_INCOMPLETE(
      "metrics.incomplete", "A request for metrics or health could not be answered in full."),
  CERTIFICATE_REFUSED(
      "certificate.refused", "A changed certificate cannot be used; the one before stays."),
  TOKEN_UNUSABLE(
      "token.unusable", "The token file cannot be used, so nobody can read the metrics."),
  SOCKET_FAILED("socket.failed", "A connection to the admin or UAPI socket failed."),
  SOCKET_ENDED("socket.ended", "A connection to the admin or UAPI socket ended early."),
  UAPI_REFUSED("uapi.refused", "A command of wg was refused."),
  UAPI_FAILED("uapi.failed", "A fault in Culvert in a command of wg. Please report it."),
  FILE_UNWRITTEN("file.unwritten", "A file of measurements could not be written."),
  API_UNREACHABLE("api.unreachable", "The Kubernetes API cannot be asked."),
  API_FAILED("api.failed", "A request to the Kubernetes API failed."),
  API_LISTED("api.listed", "All objects of a kind were read."),
  API_FOLLOWED("api.followed", "Objects of a kind are followed again."),
  API_UNFOLLOWED(
      "api.unfollowed", "Objects of a kind are not followed at the moment, and stay as they are."),
  API_HELD(
      "api.held",
      "Objects are kept that the Kubernetes API does not have any more, or none is kept any more."),
  API_WENT_BACK("api.went-back", "The Kubernetes API came back with an older state."),
  STATE_UNUSABLE("state.unusable", "The cluster's state on disk cannot be used."),
  CLAIM_UNPUBLISHED("claim.unpublished", "This node's claim is not published."),
  KEY_UNPROVEN("key.unproven", "The change of this node's key is not proven by its key before."),
  NODE_PHASE("node.phase", "A node came into another phase."),
  NODE_REJECTED("node.rejected", "The registrar rejected a node."),
  NODE_DELETED("node.deleted", "The registrar deleted the entry of a node that is gone."),
  NODE_UNREADABLE("node.unreadable", "A node's entry has a range or address that cannot be read."),
  REGISTRAR_STARTED("registrar.started", "The registrar runs."),
  REGISTRAR_ENDED("registrar.ended", "The registrar ends."),
  REGISTRAR_FAILED(
      "registrar.failed",
      "A fault in Culvert in a decision of the registrar, which is made again. Please report it."),
  RANGES_SOURCE("ranges.source", "The objects that tell the ranges of pods."),
  LEASE_CHANGED("lease.changed", "This registrar leads, or leads no more."),
  LEASE_FAILED("lease.failed", "The registrar's Lease cannot be read, renewed or given up."),
  LIBRARY("library.message", "A message of a library that Culvert uses.");

  private final String id;
  private final String meaning;

  LogEvent(String id, String meaning) {
    this.id = id;
    this.meaning = meaning;
  }

  /** The stable name, as in {@code handshake.completed}. */
  public String id() {
    return id;
  }

  /** The event in one sentence. */
  public String meaning() {
    return meaning;
  }
}
