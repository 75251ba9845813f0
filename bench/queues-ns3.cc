// SPDX-License-Identifier: MIT
//
// bench/queues.py for ns-3 (Debian's libns3-dev): the peer of `postern bench sim_events_per_s_ns3`.
//
// Each step of a request that takes time is an event: the disk, the unit, the wire, the handler, the
// work. Prints events per second of CPU time.
#include <ns3/core-module.h>

#include <cstdio>
#include <ctime>
#include <deque>
#include <random>

using namespace ns3;

namespace {

const int DISKS = 4, VCPUS = 32, CPUS = 16, DEPTH = 4;
const int UNIT = 75, WIRE = 350, HANDLER = 1200, WORK = 3000; // ns
const int END = 50000000;

std::mt19937_64 rng(1);
std::lognormal_distribution<double> service(11.29, 0.35);
long long completions, waited; // ns of all requests, from the interrupt to the handler

struct Request;
typedef void (Request::*Step)();

struct Resource {
	int free;
	std::deque<std::pair<Request *, Step>> queue;

	explicit Resource(int n) : free(n) {}

	void take(Request *r, Step next);

	void give();
};

Resource unit(1), cpus(CPUS);

struct Request {
	Resource *vcpu;
	int64_t sent;

	void after(int64_t ns, Step next)
	{
		Simulator::Schedule(NanoSeconds(ns), next, this);
	}

	void submit()
	{
		after((int64_t)service(rng), &Request::interrupt);
	}

	void interrupt()
	{
		sent = Simulator::Now().GetNanoSeconds();
		unit.take(this, &Request::remap);
	}

	void remap()
	{
		after(UNIT, &Request::send);
	}

	void send()
	{
		unit.give();
		after(WIRE, &Request::arrive);
	}

	void arrive()
	{
		vcpu->take(this, &Request::schedule);
	}

	void schedule()
	{
		cpus.take(this, &Request::handle);
	}

	void handle()
	{
		waited += Simulator::Now().GetNanoSeconds() - sent;
		after(HANDLER, &Request::process);
	}

	void process()
	{
		after(WORK, &Request::complete);
	}

	void complete()
	{
		completions++;
		cpus.give();
		vcpu->give();
		submit();
	}
};

void Resource::take(Request *r, Step next)
{
	if (free) {
		free--;
		(r->*next)();
	} else {
		queue.emplace_back(r, next);
	}
}

void Resource::give()
{
	if (queue.empty()) {
		free++;
		return;
	}
	auto first = queue.front();
	queue.pop_front();
	(first.first->*first.second)();
}

} // namespace

int main()
{
	static Request request[VCPUS][DISKS * DEPTH];
	std::deque<Resource> vcpus;

	for (auto &of_vcpu : request) {
		vcpus.emplace_back(1);
		for (auto &r : of_vcpu) {
			r.vcpu = &vcpus.back();
			r.submit();
		}
	}
	clock_t begun = clock();
	Simulator::Stop(NanoSeconds(END));
	Simulator::Run();
	double took = (double)(clock() - begun) / CLOCKS_PER_SEC;
	printf("events per second: %.0f\n", (double)Simulator::GetEventCount() / took);
	printf("completions per ms: %.0f\n", completions / (END / 1e6));
	printf("mean wait: %.0f\n", (double)waited / completions);
	Simulator::Destroy();
	return 0;
}
