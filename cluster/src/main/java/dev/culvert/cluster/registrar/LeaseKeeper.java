// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Acquires and renews the Lease over the API, on the thread that runs it. */
final class LeaseKeeper implements Runnable {
  private static final EventLog LOG = EventLog.of(LeaseKeeper.class);
  private static final JsonMapper JSON = JsonMapper.shared();

  private final KubeApi api;
  private final ResourceKind<Lease> leases;
  private final String name;
  private final LeaderLease lease;
  private final Runnable onChange;
  private final LongSupplier nanoTime;
  private boolean led;
  private @Nullable String trouble;

  /**
   * A keeper that does nothing before it is run.
   *
   * @param onChange called when this replica begins or ceases to lead
   * @param nanoTime monotonic
   */
  LeaseKeeper(
      KubeApi api,
      String namespace,
      String name,
      LeaderLease lease,
      Runnable onChange,
      LongSupplier nanoTime) {
    this.api = api;
    this.leases = ResourceKind.leases(namespace);
    this.name = name;
    this.lease = lease;
    this.onChange = onChange;
    this.nanoTime = nanoTime;
  }

  @Override
  public void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        attempt();
        Thread.sleep(LeaderLease.RETRY);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The end, as it is meant.
    }
  }

  /** One read of the Lease, and a write if this replica leads or can. */
  void attempt() {
    String failure = null;
    try {
      LeaderLease.Proposal proposal = lease.read(present(), nanoTime.getAsLong(), Instant.now());
      if (proposal != null) {
        if (!lease.holds(nanoTime.getAsLong())) {
          // Nothing would be accepted there, and a replica that could work would have to wait.
          api.requireSupported();
        }
        write(proposal);
      }
    } catch (KubeException e) {
      // A conflict means that another replica was faster.
      failure = e.code() == KubeException.CONFLICT ? null : e.getMessage();
    }
    report(failure);
  }

  private @Nullable Lease present() throws KubeException {
    try {
      return api.get(leases, name);
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  private void write(LeaderLease.Proposal proposal) throws KubeException {
    byte[] json = JSON.writeValueAsBytes(proposal.lease());
    long sentAt = nanoTime.getAsLong();
    Lease stored = proposal.create() ? api.create(leases, json) : api.replace(leases, name, json);
    lease.written(stored, sentAt);
  }

  private void report(@Nullable String failure) {
    if (failure != null && !failure.equals(trouble)) {
      LOG.warn(
          LogEvent.LEASE_FAILED,
          "the Lease {} cannot be read or renewed: {}",
          name,
          Field.reason(failure));
    }
    trouble = failure;
    boolean leads = lease.holds(nanoTime.getAsLong());
    if (leads != led) {
      led = leads;
      LOG.info(
          LogEvent.LEASE_CHANGED,
          leads ? "this registrar leads" : "this registrar does not lead any more");
      onChange.run();
    }
  }

  /** Gives up the Lease, so that another replica need not wait. After the last write only. */
  void release() {
    try {
      Lease present = present();
      Object released = present == null ? null : lease.release(present, Instant.now());
      if (released != null) {
        api.replace(leases, name, JSON.writeValueAsBytes(released));
      }
    } catch (KubeException e) {
      LOG.info(
          LogEvent.LEASE_FAILED,
          "the Lease {} stays until it runs out: {}",
          name,
          Field.reason(e.getMessage()));
    }
  }
}
