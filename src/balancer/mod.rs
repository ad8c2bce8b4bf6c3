//! Load balancers: asks HAProxy for the state of our servers, takes them out of
//! service and puts them back.
//!
//! Every endpoint of a load balancer gets every order. Before an order, all endpoints
//! are read: one that is down, does not know a server or would not let us act stops
//! the order before anything is touched. After it they are read again, because an
//! answer says that an order was taken, not that it holds.
//!
//! Nothing is remembered here. What a deployment took out is the record's business,
//! and [`may_take_out`](crate::domain::balancer::may_take_out) decides by it.

mod endpoint;
mod error;
mod runtime;
mod stats;
mod wait;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};

pub use endpoint::{Endpoint, EndpointError, Place};
pub use error::BalancerError;
pub use wait::Waited;

use crate::domain::balancer::{
    Admin, Disagreement, Member, MemberState, Order, Reading, Seen, Unknown, agree, find, not_followed,
};
use crate::domain::name::Name;
use runtime::{Runtime, Socket};
use stats::StatsPage;

/// The largest answer that is read; a thousand servers are some 500 KB.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// How long one exchange with one endpoint may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub connect: Duration,
    /// From the first attempt to connect to the last byte.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(10) }
    }
}

/// All load balancers that a deployment may speak with.
#[derive(Debug, Clone)]
pub struct Balancers {
    endpoints: BTreeMap<Name, Vec<(Place, Endpoint)>>,
    http: reqwest::Client,
    patience: Patience,
}

/// The members of one load balancer, and what its endpoints say about them.
struct Group<'a> {
    balancer: &'a Name,
    members: Vec<&'a Member>,
}

impl Balancers {
    /// `endpoints` by the name of the load balancer. Needs the process's default TLS
    /// provider to be installed.
    pub fn new(endpoints: BTreeMap<Name, Vec<Endpoint>>) -> Result<Self, BalancerError> {
        Self::with_patience(endpoints, Patience::default())
    }

    pub fn with_patience(
        endpoints: BTreeMap<Name, Vec<Endpoint>>,
        patience: Patience,
    ) -> Result<Self, BalancerError> {
        // Without a proxy of the surroundings: it would see the password.
        let http = reqwest::Client::builder()
            .user_agent("countersign")
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(patience.connect)
            .timeout(patience.answer)
            .build()
            .map_err(|problem| BalancerError::NoClient(problem.to_string()))?;
        let placed = |(name, endpoints): (Name, Vec<Endpoint>)| {
            let place =
                |endpoint: &Endpoint| Place { balancer: name.clone(), endpoint: endpoint.to_string() };
            let placed = endpoints.into_iter().map(|endpoint| (place(&endpoint), endpoint)).collect();
            (name.clone(), placed)
        };
        Ok(Self { endpoints: endpoints.into_iter().map(placed).collect(), http, patience })
    }

    /// What is true now of each member, in their order. It is an error when endpoints
    /// disagree, or when one of them would not let us act.
    pub async fn states(&self, members: &[Member]) -> Result<Vec<MemberState>, BalancerError> {
        let groups = self.groups(members)?;
        let read = groups.iter().map(|group| async {
            let seen = self.check(group).await?;
            let states = agree(&group.members, &seen);
            states.map_err(|Disagreement { member, says }| {
                let places = self.of(group).iter().map(|(place, _)| place.clone());
                BalancerError::Disagree { member, says: places.zip(says).collect() }
            })
        });
        let states: Vec<MemberState> = try_join_all(read).await?.into_iter().flatten().collect();
        let in_order =
            members.iter().filter_map(|member| states.iter().find(|state| state.member == *member));
        Ok(in_order.cloned().collect())
    }

    /// No new sessions; those that exist go on, see [`wait_drained`](Self::wait_drained).
    pub async fn drain(&self, members: &[Member]) -> Result<(), BalancerError> {
        self.order(&Order::all(members, Admin::Drain)).await
    }

    /// Out of service altogether, once drained: neither clients bound by a cookie nor
    /// checks get there. Sessions that exist go on.
    pub async fn maintain(&self, members: &[Member]) -> Result<(), BalancerError> {
        self.order(&Order::all(members, Admin::Maint)).await
    }

    /// Back into service. HAProxy sends traffic at once, before its first check.
    pub async fn enable(&self, members: &[Member]) -> Result<(), BalancerError> {
        self.order(&Order::all(members, Admin::Ready)).await
    }

    /// Enables some and drains others with nothing in between: one line at each
    /// Runtime API, forms that follow each other at a stats page (rules.md 21).
    pub async fn swap(&self, enable: &[Member], drain: &[Member]) -> Result<(), BalancerError> {
        let mut orders = Order::all(enable, Admin::Ready);
        orders.extend(Order::all(drain, Admin::Drain));
        self.order(&orders).await
    }

    /// Gives `orders` to every endpoint of their load balancers. Where one of them
    /// fails, the others were told all the same, and `states` tells what holds; so it
    /// does when the future is dropped half-way.
    async fn order(&self, orders: &[Order<'_>]) -> Result<(), BalancerError> {
        let members: Vec<Member> = orders.iter().map(|order| order.member.clone()).collect();
        let groups = self.groups(&members)?;
        try_join_all(groups.iter().map(|group| self.check(group))).await?;

        let groups = groups.iter().map(|group| {
            let of_group = orders.iter().filter(|order| order.member.balancer == *group.balancer);
            (group, of_group.copied().collect())
        });
        let groups: Vec<(&Group<'_>, Vec<Order<'_>>)> = groups.collect();
        let told = groups.iter().flat_map(|(group, orders)| {
            self.of(group).iter().map(move |(place, endpoint)| self.tell(place, endpoint, orders))
        });
        join_all(told).await.into_iter().collect::<Result<Vec<()>, _>>()?;

        try_join_all(groups.iter().map(|(group, orders)| self.verify(group, orders))).await?;
        Ok(())
    }

    async fn verify(&self, group: &Group<'_>, orders: &[Order<'_>]) -> Result<(), BalancerError> {
        let seen = self.look(group).await?;
        for ((place, _), seen) in self.of(group).iter().zip(&seen) {
            if let Some((order, is)) = not_followed(orders, seen) {
                let (place, member) = (place.clone(), Box::new(order.member.clone()));
                return Err(BalancerError::NotFollowed { place, member, to: order.to, is });
            }
        }
        Ok(())
    }

    /// What every endpoint says about the group, given that every one lets us act.
    async fn check(&self, group: &Group<'_>) -> Result<Vec<Vec<Seen>>, BalancerError> {
        let checks = self.of(group).iter().map(|(place, endpoint)| async move {
            let reading = self.read(place, endpoint).await?;
            let seen = find_in(place, &reading, group)?;
            match self.channel(place, endpoint) {
                Channel::Runtime(runtime) => runtime.check_may_act(&reading)?,
                Channel::Stats(page) => page.check_may_act().await?,
            }
            Ok(seen)
        });
        try_join_all(checks).await
    }

    /// What every endpoint says about the group.
    async fn look(&self, group: &Group<'_>) -> Result<Vec<Vec<Seen>>, BalancerError> {
        let looks = self.of(group).iter().map(|(place, endpoint)| async move {
            let reading = self.read(place, endpoint).await?;
            find_in(place, &reading, group)
        });
        try_join_all(looks).await
    }

    async fn read(&self, place: &Place, endpoint: &Endpoint) -> Result<Reading, BalancerError> {
        match self.channel(place, endpoint) {
            Channel::Runtime(runtime) => runtime.read().await,
            Channel::Stats(page) => page.read().await,
        }
    }

    async fn tell(
        &self,
        place: &Place,
        endpoint: &Endpoint,
        orders: &[Order<'_>],
    ) -> Result<(), BalancerError> {
        match self.channel(place, endpoint) {
            Channel::Runtime(runtime) => runtime.order(orders).await,
            Channel::Stats(page) => page.order(orders).await,
        }
    }

    fn channel<'a>(&'a self, place: &'a Place, endpoint: &'a Endpoint) -> Channel<'a> {
        let patience = self.patience;
        match endpoint {
            Endpoint::Tcp { host, port } => {
                Channel::Runtime(Runtime { socket: Socket::Tcp { host, port: *port }, place, patience })
            }
            Endpoint::Unix(path) => Channel::Runtime(Runtime { socket: Socket::Unix(path), place, patience }),
            Endpoint::Stats { url, user, password } => {
                Channel::Stats(StatsPage { http: &self.http, url, user, password, place })
            }
        }
    }

    fn groups<'a>(&self, members: &'a [Member]) -> Result<Vec<Group<'a>>, BalancerError> {
        let mut groups: BTreeMap<&Name, Vec<&Member>> = BTreeMap::new();
        for member in members {
            let known = self.endpoints.get(&member.balancer).is_some_and(|endpoints| !endpoints.is_empty());
            if !known {
                return Err(BalancerError::NotInFleet(member.balancer.clone()));
            }
            groups.entry(&member.balancer).or_default().push(member);
        }
        Ok(groups.into_iter().map(|(balancer, members)| Group { balancer, members }).collect())
    }

    fn of(&self, group: &Group<'_>) -> &[(Place, Endpoint)] {
        self.endpoints.get(group.balancer).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The two ways to speak with HAProxy.
enum Channel<'a> {
    Runtime(Runtime<'a>),
    Stats(StatsPage<'a>),
}

fn find_in(place: &Place, reading: &Reading, group: &Group<'_>) -> Result<Vec<Seen>, BalancerError> {
    let place = place.clone();
    find(reading, &group.members).map_err(|unknown| match unknown {
        Unknown::Backend(member) => BalancerError::UnknownBackend { place, backend: member.backend },
        Unknown::Server(Member { backend, backend_server: server, .. }) => {
            BalancerError::UnknownServer { place, backend, server }
        }
    })
}
