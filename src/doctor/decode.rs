//! What error texts mean that people find in the logs of senders.
